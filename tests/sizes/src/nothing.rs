//! What the other images are compared with.

use crate::registers::{input, output};

pub fn run() -> ! {
    loop {
        output(input());
    }
}
