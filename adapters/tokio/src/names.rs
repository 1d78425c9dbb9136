//! Topic names for as long as the process lives: core keeps them as `&'static str`.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

/// `name` for ever: the first time a name is seen it is copied and leaked, and never again.
pub(crate) fn intern(name: &str) -> &'static str {
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    match names.get(name) {
        Some(known) => known,
        None => {
            let leaked: &'static str = name.to_owned().leak();
            names.insert(leaked);
            leaked
        }
    }
}

/// Whether core would take the name: what it refuses is not worth a leak.
pub(crate) fn is_topic_name(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=249).contains(&name.len()) && name != "." && name != ".." && name.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_name_is_leaked_once() {
        let first = intern("names-test");
        let again = intern(&String::from("names-test"));
        assert!(std::ptr::eq(first, again));
        assert!(!std::ptr::eq(first, intern("names-test-2")));
    }

    #[test]
    fn names_that_kafka_refuses_are_not_kept() {
        for good in ["a", "A.b_c-9", &"x".repeat(249)] {
            assert!(is_topic_name(good), "{good}");
        }
        for bad in ["", ".", "..", "a b", "ä", "a/b", &"x".repeat(250)] {
            assert!(!is_topic_name(bad), "{bad}");
        }
    }
}
