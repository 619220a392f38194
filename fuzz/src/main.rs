//! Drives a target of `src/fuzz` by libFuzzer, which sees which parts of the program an input reaches: `./tests/run fuzz
//! TARGET --coverage`. A crate of its own, because libFuzzer is called with `unsafe`; no part of the program.
//!
//!   forewarn-fuzz TARGET [OPTION OF LIBFUZZER, OR FOLDER OF INPUTS]…

use std::{
    ffi::{CString, c_char, c_int},
    sync::Mutex,
};

use libfuzzer_sys as _;

unsafe extern "C" {
    fn LLVMFuzzerRunDriver(
        argc: *mut c_int,
        argv: *mut *mut *mut c_char,
        callback: extern "C" fn(*const u8, usize) -> c_int,
    ) -> c_int;
}

/// What tries an input, while [`drive`] runs.
static TRY: Mutex<Option<Try>> = Mutex::new(None);
struct Try(*mut (dyn FnMut(&[u8]) -> u64 + 'static));
// SAFETY: libFuzzer calls back on the thread that has called it.
unsafe impl Send for Try {}

/// The library of libFuzzer wants it; never called.
#[unsafe(no_mangle)]
extern "C" fn rust_fuzzer_test_input(_: *const u8, _: usize) -> c_int {
    0
}

extern "C" fn one(data: *const u8, size: usize) -> c_int {
    let input = match size {
        0 => &[][..],
        // SAFETY: libFuzzer gives so many bytes.
        _ => unsafe { std::slice::from_raw_parts(data, size) },
    };
    let try_it = TRY.lock().unwrap().as_ref().expect("a target").0;
    // SAFETY: `drive` has not returned. A panic cannot unwind out of here: it ends the process, which libFuzzer notes.
    unsafe { (*try_it)(input) };
    0
}

/// The words of a target as a dictionary of libFuzzer.
fn dictionary(target: &str, words: &[&str]) -> std::path::PathBuf {
    let shown = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        other => format!("\\x{other:02x}"),
    };
    let line = |word: &&str| format!("\"{}\"\n", word.bytes().map(shown).collect::<String>());
    let lines = words.iter().filter(|word| !word.is_empty() && word.len() <= 64).map(line);
    let file = std::env::temp_dir().join(format!("forewarn-fuzz-{target}-{}.dict", std::process::id()));
    std::fs::write(&file, lines.collect::<String>()).expect("a folder for temporary files");
    file
}

fn drive(target: &str, words: &[&str], try_it: &mut dyn FnMut(&[u8]) -> u64) {
    // SAFETY: only the lifetime changes; it is called while this function runs.
    let try_it: *mut (dyn FnMut(&[u8]) -> u64 + 'static) = unsafe { std::mem::transmute(try_it) };
    *TRY.lock().unwrap() = Some(Try(try_it));
    let mut arguments: Vec<*mut c_char> = std::env::args()
        .enumerate()
        .filter(|(at, _)| *at != 1)
        .map(|(_, word)| word)
        .chain([format!("-dict={}", dictionary(target, words).display())])
        .map(|word| CString::new(word).expect("no NUL").into_raw())
        .collect();
    let mut count = arguments.len() as c_int;
    arguments.push(std::ptr::null_mut());
    let mut all = arguments.as_mut_ptr();
    // SAFETY: as `main` of C gets them.
    let status = unsafe { LLVMFuzzerRunDriver(&mut count, &mut all, one) };
    std::process::exit(status);
}

fn main() {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    let target = forewarn::fuzz::TARGETS.iter().find(|(name, _)| *name == wanted);
    let Some((_, run)) = target else {
        let names: Vec<_> = forewarn::fuzz::TARGETS.iter().map(|(name, _)| *name).collect();
        eprintln!("forewarn-fuzz: the targets are {}", names.join(", "));
        std::process::exit(2);
    };
    forewarn::fuzz::DRIVER.set(drive).ok();
    run();
}
