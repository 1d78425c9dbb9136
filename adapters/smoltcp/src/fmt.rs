//! One log macro over `defmt`, `log`, both or neither. With neither, the arguments cost no flash.

macro_rules! debug {
    ($format:literal $(, $arg:expr)* $(,)?) => {{
        #[cfg(feature = "defmt")]
        defmt::debug!($format $(, $arg)*);
        #[cfg(feature = "log")]
        log::debug!($format $(, $arg)*);
        // A variable that is only logged is not "unused" without a logger.
        $( let _ = &$arg; )*
    }};
}

pub(crate) use debug;
