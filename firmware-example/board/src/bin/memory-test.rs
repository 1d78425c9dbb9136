//! Tries the memory routines of `board` on the board: every length, alignment and overlap that takes another way
//! through them. Exit code 0: all right, 1: not.
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
    board::stop(u32::from(!good))
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
