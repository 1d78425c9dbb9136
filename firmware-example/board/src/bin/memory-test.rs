//! Tries the routines of `board` that compiled code calls, on the board: memory, with every length, alignment and
//! overlap that takes another way through them, and 64-bit division. Exit code 0: all right, 1: not.
#![no_std]
#![no_main]

use board as _;
use core::hint::black_box;
use cortex_m_rt::entry;

const AREA: usize = 96;
const OFFSETS: usize = 24;
const LENGTHS: usize = 40;

unsafe extern "C" {
    fn memmove(to: *mut u8, from: *const u8, bytes: usize) -> *mut u8;
    fn memcpy(to: *mut u8, from: *const u8, bytes: usize) -> *mut u8;
    fn memset(to: *mut u8, value: i32, bytes: usize) -> *mut u8;
    fn __aeabi_memset(to: *mut u8, bytes: usize, value: i32);
    fn __aeabi_memclr(to: *mut u8, bytes: usize);
}

#[entry]
fn main() -> ! {
    board::start();
    let good = (0..OFFSETS).all(|to| (0..LENGTHS).all(|len| copies(to, len) && sets(to, len)));
    board::stop(u32::from(!(good && divides())))
}

const fn pattern(at: usize) -> u8 {
    (at as u8).wrapping_mul(37) ^ 0x5A
}

/// What `routine` does to an area with the pattern, compared byte by byte with `expected`.
fn check(routine: impl FnOnce(*mut u8), expected: impl Fn(usize) -> u8) -> bool {
    let mut area = [0; AREA];
    area.iter_mut().enumerate().for_each(|(at, byte)| *byte = pattern(at));
    routine(black_box(&mut area).as_mut_ptr());
    black_box(&area).iter().enumerate().all(|(at, &byte)| byte == expected(at))
}

fn copies(to: usize, len: usize) -> bool {
    let copied = |from: usize| {
        move |at: usize| pattern(if (to..to + len).contains(&at) { at - to + from } else { at })
    };
    let overlapping = (0..OFFSETS).all(|from| {
        // SAFETY: both ranges end before OFFSETS + LENGTHS, within the area; they may overlap.
        check(
            |area| unsafe { assert!(memmove(area.add(to), area.add(from), len) == area.add(to)) },
            copied(from),
        )
    });
    let from = OFFSETS + LENGTHS - 8 + to % 8;
    // Apart from each other and within the area.
    let len = len.min(AREA - from).min(from - to);
    // SAFETY: as said.
    overlapping
        && check(
            |area| unsafe { assert!(memcpy(area.add(to), area.add(from), len) == area.add(to)) },
            |at| pattern(if (to..to + len).contains(&at) { at - to + from } else { at }),
        )
}

fn sets(to: usize, len: usize) -> bool {
    let set = |value: u8| move |at: usize| if (to..to + len).contains(&at) { value } else { pattern(at) };
    // SAFETY (of all three): the range ends before OFFSETS + LENGTHS, within the area.
    check(|area| unsafe { assert!(memset(area.add(to), 0x1A7, len) == area.add(to)) }, set(0xA7))
        && check(|area| unsafe { __aeabi_memset(area.add(to), len, 0x1A7) }, set(0xA7))
        && check(|area| unsafe { __aeabi_memclr(area.add(to), len) }, set(0))
}

/// Numbers with few and with many bits, at the edges of words and signs, each by each; the judge is multiplication.
fn divides() -> bool {
    let numbers = || {
        let edges = (0..64).flat_map(|bit| [0, 1, 2, u64::MAX].map(|near| (1u64 << bit).wrapping_add(near)));
        let mixed = (1..64).map(|n: u64| n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (n % 60));
        edges.chain(mixed)
    };
    numbers().all(|number| {
        numbers().filter(|&by| by != 0).all(|by| {
            let (number, by) = (black_box(number), black_box(by));
            let unsigned = (number / by, number % by);
            let (number_i, by_i) = (number.cast_signed(), by.cast_signed());
            let signed = (number_i.wrapping_div(by_i), number_i.wrapping_rem(by_i));
            let sign_is_kept = signed.1 == 0 || (signed.1 < 0) == (number_i < 0);
            unsigned.1 < by
                && unsigned.0.checked_mul(by).and_then(|product| product.checked_add(unsigned.1))
                    == Some(number)
                && signed.1.unsigned_abs() < by_i.unsigned_abs()
                && sign_is_kept
                && signed.0.wrapping_mul(by_i).wrapping_add(signed.1) == number_i
                && (signed.0 == 0 || signed.1 == 0 || (signed.0 < 0) == ((number_i < 0) != (by_i < 0)))
        })
    })
}
