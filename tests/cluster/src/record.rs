//! Records as they are handed to, and come back from, Kafka's own clients.

use std::fmt::Write as _;

/// A record as an independent consumer read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumedRecord {
    /// The partition it stands in.
    pub partition: i32,
    /// Its offset there.
    pub offset: i64,
    /// Milliseconds since 1970, or -1.
    pub timestamp_ms: i64,
    /// The key; null is `None`.
    pub key: Option<Vec<u8>>,
    /// The value; null is `None`.
    pub value: Option<Vec<u8>>,
    /// Names and values of the headers, in order.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

/// A record for Kafka's own producer to send.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProduceRecord {
    /// The partition; `None` lets Java's partitioner choose.
    pub partition: Option<i32>,
    /// The key.
    pub key: Option<Vec<u8>>,
    /// The value.
    pub value: Option<Vec<u8>>,
}

impl ProduceRecord {
    /// A record whose partition Java chooses by its key.
    pub fn keyed(key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Self {
        Self { partition: None, key: Some(key.into()), value: Some(value.into()) }
    }

    /// The line by which `KafkaTool produce` takes it.
    pub(crate) fn to_line(&self) -> String {
        let partition = self.partition.map_or_else(|| "*".to_owned(), |p| p.to_string());
        format!("{partition} {} {}", to_hex(self.key.as_deref()), to_hex(self.value.as_deref()))
    }
}

impl ConsumedRecord {
    /// From a line of `KafkaTool read`.
    pub(crate) fn from_line(line: &str) -> Option<Self> {
        let mut fields = line.split(' ');
        let mut next = || fields.next();
        let record = Self {
            partition: next()?.parse().ok()?,
            offset: next()?.parse().ok()?,
            timestamp_ms: next()?.parse().ok()?,
            key: from_hex(next()?)?,
            value: from_hex(next()?)?,
            headers: next()?.split(',').filter(|h| !h.is_empty()).map(header).collect::<Option<_>>()?,
        };
        fields.next().is_none().then_some(record)
    }
}

fn header(text: &str) -> Option<(String, Option<Vec<u8>>)> {
    let (name, value) = text.split_once('=')?;
    Some((String::from_utf8(from_hex(name)??).ok()?, from_hex(value)?))
}

/// Hexadecimal, or "-" for null.
pub(crate) fn to_hex(bytes: Option<&[u8]>) -> String {
    let Some(bytes) = bytes else { return "-".into() };
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, b| {
        // A String takes everything.
        let _ = write!(text, "{b:02x}");
        text
    })
}

/// The reverse of [`to_hex`]; the outer `None` is a text that is neither.
#[allow(clippy::option_option, reason = "null is a value of Kafka's, malformed is not")]
fn from_hex(text: &str) -> Option<Option<Vec<u8>>> {
    if text == "-" {
        return Some(None);
    }
    let digit = |c: &u8| char::from(*c).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| match pair {
            [high, low] => Some(digit(high)? << 4 | digit(low)?),
            _ => None,
        })
        .collect::<Option<Vec<u8>>>()
        .map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_record() {
        let record = ConsumedRecord::from_line("2 17 1700000000000 6b -  ").map(|_| ());
        assert_eq!(record, None, "one field too many");
        let record = ConsumedRecord::from_line("2 17 -1 -  6e=00ff,6d=-").unwrap();
        assert_eq!((record.partition, record.offset, record.timestamp_ms), (2, 17, -1));
        assert_eq!((record.key, record.value), (None, Some(vec![])));
        assert_eq!(record.headers, [("n".into(), Some(vec![0, 255])), ("m".into(), None)]);
        for wrong in ["", "0 1", "0 1 2 6 - ", "0 1 2 zz - ", "a 1 2 - - "] {
            assert_eq!(ConsumedRecord::from_line(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_record_is_a_line() {
        assert_eq!(ProduceRecord::keyed("k", [1, 255]).to_line(), "* 6b 01ff");
        let nulls = ProduceRecord { partition: Some(3), key: None, value: Some(vec![]) };
        assert_eq!(nulls.to_line(), "3 - ");
    }
}
