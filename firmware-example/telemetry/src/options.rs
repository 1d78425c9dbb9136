//! The options that reach the firmware without a rebuild, as `name=value` words of one command line.

use crate::{Console, Line, batch_bytes_for};

/// How many `broker=` options are taken.
pub const MAX_BROKERS: usize = 4;

/// The parts of a broker's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broker<'a> {
    /// A host name or an IPv4 address.
    pub host: &'a str,
    /// The TCP port.
    pub port: u16,
}

impl<'a> Broker<'a> {
    /// The parts of `HOST:PORT`; `None` when it is not of that form.
    #[must_use]
    pub fn parse(address: &'a str) -> Option<Self> {
        let (host, port) = address.rsplit_once(':')?;
        let port = digits(port).and_then(|port| u16::try_from(port).ok()).filter(|&port| port != 0)?;
        (!host.is_empty() && !host.contains(':')).then_some(Self { host, port })
    }
}

/// What the firmware is asked to do.
///
/// ```
/// use telemetry::Options;
/// let options = Options::parse("broker=10.0.2.2:9092 topic=t records=500 batch=50").unwrap();
/// assert_eq!(options.brokers(), ["10.0.2.2:9092"]);
/// assert_eq!((options.records, options.batch_bytes), (500, Some(61 + 50 * 39)));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options<'a> {
    brokers: [&'a str; MAX_BROKERS],
    broker_count: usize,
    /// `topic=`: where the readings go. `telemetry` unless given. Whether Kafka allows the name, the producer will see.
    pub topic: &'a str,
    /// `records=`: how many readings to send; 2,000 unless given.
    pub records: u32,
    /// `batch_bytes=`, or `batch=` in readings: the size of a batch at most. `None`: as the firmware was built.
    pub batch_bytes: Option<u32>,
    /// `linger_ms=`: how long a batch waits for more readings; 20 unless given.
    pub linger_ms: u32,
    /// `interval_ms=`: the pause between two readings; 0, as fast as they are accepted, unless given.
    pub interval_ms: u32,
    /// `device_id=`: the first device, whose id is the key of its readings; 1 unless given.
    pub device_id: u64,
    /// `devices=`: how many devices take turns, with ids that follow on each other; 1 unless given. Their keys spread
    /// over the topic's partitions.
    pub devices: u32,
    /// `delivery_timeout_ms=`: how long a reading may take until it is given up; 120,000 unless given.
    pub delivery_timeout_ms: u32,
}

/// Why the options were refused. [`write`](OptionError::write) says it in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptionError<'a> {
    /// No option has this name, or the word has no `=`.
    Unknown {
        /// The word as it came.
        word: &'a str,
    },
    /// The value is not of the form that the option takes.
    Malformed {
        /// The option's name.
        name: &'static str,
        /// The value as it came.
        value: &'a str,
        /// What it takes.
        expected: &'static str,
    },
    /// More than [`MAX_BROKERS`] brokers.
    TooManyBrokers,
    /// There is no `broker=`.
    NoBroker,
}

impl<'a> Options<'a> {
    /// Reads options that are separated by blanks. Of an option that comes twice, other than `broker`, the last
    /// one counts.
    ///
    /// # Errors
    /// An [`OptionError`] for the first word that is no option or has a malformed value, or when no broker is given.
    pub fn parse(words: &'a str) -> Result<Self, OptionError<'a>> {
        let mut options = Self {
            brokers: [""; MAX_BROKERS],
            broker_count: 0,
            topic: "telemetry",
            records: 2_000,
            batch_bytes: None,
            linger_ms: 20,
            interval_ms: 0,
            device_id: 1,
            devices: 1,
            delivery_timeout_ms: 120_000,
        };
        for word in words.split_ascii_whitespace() {
            options.set(word)?;
        }
        if options.broker_count == 0 {
            return Err(OptionError::NoBroker);
        }
        Ok(options)
    }

    /// The brokers to start from, at least one, each meant to be `HOST:PORT`: the producer will see.
    #[must_use]
    pub fn brokers(&self) -> &[&'a str] {
        &self.brokers[..self.broker_count]
    }

    fn set(&mut self, word: &'a str) -> Result<(), OptionError<'a>> {
        let Some((name, value)) = split_at_first(word, b'=') else {
            return Err(OptionError::Unknown { word });
        };
        match name {
            "broker" => return self.add_broker(value),
            "topic" => self.topic = value,
            "records" => self.records = at_least_one("records", value)?,
            "batch" => self.batch_bytes = Some(batch_bytes_for(at_least_one("batch", value)?)),
            "batch_bytes" => self.batch_bytes = Some(at_least_one("batch_bytes", value)?),
            "linger_ms" => self.linger_ms = number("linger_ms", value)?,
            "interval_ms" => self.interval_ms = number("interval_ms", value)?,
            "device_id" => self.device_id = number("device_id", value)?,
            "devices" => self.devices = at_least_one("devices", value)?,
            "delivery_timeout_ms" => {
                self.delivery_timeout_ms = at_least_one("delivery_timeout_ms", value)?;
            }
            _ => return Err(OptionError::Unknown { word }),
        }
        Ok(())
    }

    fn add_broker(&mut self, value: &'a str) -> Result<(), OptionError<'a>> {
        let free = self.brokers.get_mut(self.broker_count).ok_or(OptionError::TooManyBrokers)?;
        *free = value;
        self.broker_count += 1;
        Ok(())
    }
}

fn number<'a, T: TryFrom<u64>>(name: &'static str, value: &'a str) -> Result<T, OptionError<'a>> {
    digits(value).and_then(|number| T::try_from(number).ok()).ok_or(OptionError::Malformed {
        name,
        value,
        expected: "a whole number that fits",
    })
}

/// `str::split_once`, without the search for a byte in words of memory that it brings along.
fn split_at_first(text: &str, separator: u8) -> Option<(&str, &str)> {
    let at = text.bytes().position(|byte| byte == separator)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// `str::parse` for one type only: the firmware would have a copy for each.
fn digits(text: &str) -> Option<u64> {
    let mut number = 0u64;
    for digit in text.bytes() {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    (!text.is_empty()).then_some(number)
}

fn at_least_one<'a>(name: &'static str, value: &'a str) -> Result<u32, OptionError<'a>> {
    match number(name, value)? {
        0 => Err(OptionError::Malformed { name, value, expected: "a number from 1" }),
        number => Ok(number),
    }
}

impl OptionError<'_> {
    /// Appends the reason to a line.
    pub fn write<C: Console + ?Sized>(&self, line: &mut Line<'_, C>) {
        match *self {
            Self::Unknown { word } => line.text("unknown option '").text(word).text(
                "'; known: broker= topic= records= batch= batch_bytes= linger_ms= interval_ms= device_id= \
                 devices= delivery_timeout_ms=",
            ),
            Self::Malformed { name, value, expected } => line
                .text("option ")
                .text(name)
                .text("='")
                .text(value)
                .text("' is malformed, expected ")
                .text(expected),
            Self::TooManyBrokers => {
                line.text("too many broker= options, at most ").number(MAX_BROKERS as u64)
            }
            Self::NoBroker => line.text("no broker, give broker=HOST:PORT"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::tests::Collected;
    use std::string::String;

    #[test]
    fn all_options_are_taken() {
        let options = Options::parse(
            "broker=10.0.2.2:9092  broker=kafka.local:1 topic=a.B-c_1 records=5 batch_bytes=2048 linger_ms=0 \
             interval_ms=7 device_id=18446744073709551615 devices=6 delivery_timeout_ms=9000",
        )
        .unwrap();
        assert_eq!(options.brokers(), ["10.0.2.2:9092", "kafka.local:1"]);
        assert_eq!(Broker::parse(options.brokers()[1]), Some(Broker { host: "kafka.local", port: 1 }));
        assert_eq!((options.topic, options.records, options.batch_bytes), ("a.B-c_1", 5, Some(2_048)));
        assert_eq!((options.linger_ms, options.interval_ms, options.device_id), (0, 7, u64::MAX));
        assert_eq!((options.devices, options.delivery_timeout_ms), (6, 9_000));
    }

    #[test]
    fn what_is_not_given_has_a_default() {
        let options = Options::parse("broker=h:1").unwrap();
        assert_eq!((options.topic, options.records, options.batch_bytes), ("telemetry", 2_000, None));
        assert_eq!((options.linger_ms, options.interval_ms, options.device_id), (20, 0, 1));
        assert_eq!((options.devices, options.delivery_timeout_ms), (1, 120_000));
    }

    #[test]
    fn a_broker_has_a_host_and_a_port() {
        assert_eq!(Broker::parse("h:65535"), Some(Broker { host: "h", port: 65_535 }));
        for malformed in ["h", ":1", "h:", "h:0", "h:65536", "::1:9"] {
            assert_eq!(Broker::parse(malformed), None, "{malformed}");
        }
    }

    #[test]
    fn what_is_malformed_is_refused_with_its_name() {
        for (word, name) in [
            ("records=0", "records"),
            ("records=-1", "records"),
            ("records=4294967296", "records"),
            ("batch=0", "batch"),
            ("batch_bytes=1k", "batch_bytes"),
            ("linger_ms=", "linger_ms"),
            ("interval_ms=x", "interval_ms"),
            ("device_id=0x1", "device_id"),
            ("devices=0", "devices"),
            ("delivery_timeout_ms=0", "delivery_timeout_ms"),
        ] {
            match Options::parse(word) {
                Err(OptionError::Malformed { name: refused, .. }) => assert_eq!(refused, name, "{word}"),
                other => panic!("{word}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_refusal_says_why() {
        let said = |words: &str| {
            let mut console = Collected::default();
            let error = Options::parse(words).unwrap_err();
            let mut line = Line::new(&mut console, "");
            error.write(&mut line);
            line.end();
            String::from(console.0.trim_end())
        };
        assert!(said("broker=h:1 brokr=h:2").starts_with("unknown option 'brokr=h:2'; known: broker= "));
        assert!(said("verbose").starts_with("unknown option 'verbose'"));
        assert_eq!(said("records=0"), "option records='0' is malformed, expected a number from 1");
        assert_eq!(said("topic=t"), "no broker, give broker=HOST:PORT");
        assert_eq!(
            said("broker=h:1 broker=h:2 broker=h:3 broker=h:4 broker=h:5"),
            "too many broker= options, at most 4"
        );
    }
}
