//! Two log macros over `defmt`, `log`, both or neither. With neither, the arguments cost no flash.

macro_rules! debug {
    ($($arg:tt)*) => {{
        #[cfg(feature = "defmt")]
        defmt::debug!($($arg)*);
        #[cfg(feature = "log")]
        log::debug!($($arg)*);
        $crate::fmt::borrow_args!($($arg)*);
    }};
}

macro_rules! warning {
    ($($arg:tt)*) => {{
        #[cfg(feature = "defmt")]
        defmt::warn!($($arg)*);
        #[cfg(feature = "log")]
        log::warn!($($arg)*);
        $crate::fmt::borrow_args!($($arg)*);
    }};
}

// Borrows the arguments, so that a variable that is only logged is not "unused" without a logger.
macro_rules! borrow_args {
    ($format:literal $(, $arg:expr)* $(,)?) => {{
        $( let _ = &$arg; )*
    }};
}

pub(crate) use {borrow_args, debug, warning};
