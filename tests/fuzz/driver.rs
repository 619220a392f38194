//! Throws hostile bytes at a reader: seeds from `corpora/TARGET`, changed at random. A seed that leads to an outcome
//! that was not seen before is kept and changed further; so a run works its way into a reader without knowing it.
//!
//! `FOREWARN_FUZZ_SECONDS` says for how long each target is tried (a third of a second by default), `FOREWARN_FUZZ_SEED`
//! repeats a run. An input that a reader cannot stand is written to `target/fuzz/`; mended, it belongs in the corpus.

#[path = "../support/chance.rs"]
mod chance;

use std::{
    collections::HashSet,
    fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::PathBuf,
    time::{Duration, Instant},
};

use chance::Chance;

/// The longest input that is made.
const LONGEST: usize = 16 * 1024;
/// Seeds that are kept.
const MOST: usize = 400;
/// No reader takes longer for one input, unoptimized and on a busy machine.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a reader made of an input, without what differs from input to input: figures and what stands in quotes.
pub(super) fn outcome(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    for (at, part) in text.split(['"', '\'', '`']).enumerate() {
        if at % 2 == 0 {
            part.chars().filter(|c| !c.is_ascii_digit()).take(300).for_each(|c| c.hash(&mut hasher));
        }
    }
    hasher.finish()
}

/// The files of a corpus, the smallest first.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpora").join(target);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut seeds: Vec<Vec<u8>> = files.map(|file| fs::read(file.unwrap().path()).unwrap()).collect();
    seeds.sort_by_key(Vec::len);
    assert!(!seeds.is_empty(), "{target} has no corpus");
    seeds
}

/// Drives a target in place of [`run`]: gets its name, its words, and what tries an input.
#[cfg(fuzzing)]
pub type Driver = fn(&str, &[&str], &mut dyn FnMut(&[u8]) -> u64);
/// See [`Driver`].
#[cfg(fuzzing)]
pub static DRIVER: std::sync::OnceLock<Driver> = std::sync::OnceLock::new();

/// Tries a target. It gets bytes, asserts what must hold, and returns what came of them (see [`outcome`]). `words` are
/// pieces that its inputs are made of.
pub(super) fn run(target: &str, words: &[&str], mut try_it: impl FnMut(&[u8]) -> u64) {
    if std::env::var("FOREWARN_FUZZ_TARGET").is_ok_and(|only| only != target) {
        return;
    }
    #[cfg(fuzzing)]
    if let Some(drive) = DRIVER.get() {
        return drive(target, words, &mut try_it);
    }
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<f64>().ok());
    let seconds = number("FOREWARN_FUZZ_SECONDS").unwrap_or(0.33);
    let seed = std::env::var("FOREWARN_FUZZ_SEED").ok().and_then(|text| text.parse().ok());
    let seed = seed.unwrap_or_else(|| u64::from(std::process::id()) << 32 | outcome(target) & 0xffff_ffff);
    let (mut chance, mut pool, mut seen) = (Chance::new(seed), corpus(target), HashSet::new());
    let (began, mut tried) = (Instant::now(), 0_u64);
    let mut one = |input: &[u8]| {
        let begun = Instant::now();
        let came = catch_unwind(AssertUnwindSafe(|| try_it(input)));
        let took = begun.elapsed();
        let is_slow = took > PATIENCE;
        if came.is_err() || is_slow {
            let file = keep(target, input);
            eprintln!("{target}: {} ({took:?}); FOREWARN_FUZZ_SEED={seed}", file.display());
        }
        assert!(!is_slow, "{target}: {took:?} for {} bytes", input.len());
        came.unwrap_or_else(|panic| resume_unwind(panic))
    };
    for input in pool.clone() {
        seen.insert(one(&input));
    }
    while began.elapsed().as_secs_f64() < seconds {
        let parent = pool[chance.index(pool.len())].clone();
        let other = pool[chance.index(pool.len())].clone();
        let input = change(parent, &other, words, &mut chance);
        tried += 1;
        if seen.insert(one(&input)) {
            if pool.len() == MOST {
                let gone = chance.index(MOST);
                pool.swap_remove(gone);
            }
            pool.push(input);
        }
    }
    println!("{target}: {tried} inputs, {} outcomes, FOREWARN_FUZZ_SEED={seed}", seen.len());
}

fn keep(target: &str, input: &[u8]) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/fuzz");
    fs::create_dir_all(&folder).unwrap();
    let mut hasher = DefaultHasher::new();
    input.hash(&mut hasher);
    let file = folder.join(format!("{target}-{:016x}", hasher.finish()));
    fs::write(&file, input).unwrap();
    file
}

/// Some changes of one input.
fn change(mut input: Vec<u8>, other: &[u8], words: &[&str], chance: &mut Chance) -> Vec<u8> {
    const ODD: [u8; 16] = *b"\0\t\n\r \"%&*;:<>[\xff{";
    for _ in 0..1 + chance.index(5) {
        let at = chance.index(input.len() + 1);
        let most = 1 << chance.index(8);
        let end = (at + 1 + chance.index(most)).min(input.len());
        match chance.index(10) {
            0 if at < input.len() => input[at] ^= 1 << chance.index(8),
            1 if at < input.len() => input[at] = ODD[chance.index(ODD.len())],
            2 => input.insert(at, chance.index(256) as u8),
            3 if at < end => drop(input.drain(at..end)),
            // a piece again, once or many times
            4 if at < end => {
                let piece = input[at..end].to_vec();
                let times = 1 << chance.index(9);
                let piece = piece.repeat(times.min(1 + 4_096 / piece.len()));
                input.splice(end..end, piece);
            }
            5 if !words.is_empty() => {
                let word = words[chance.index(words.len())].bytes();
                input.splice(at..at, word);
            }
            6 if !words.is_empty() && at < end => {
                let word = words[chance.index(words.len())].bytes();
                input.splice(at..end, word);
            }
            // a piece of another one
            7 if !other.is_empty() => {
                let from = chance.index(other.len());
                let to = from + 1 + chance.index(other.len() - from);
                input.splice(at..at, other[from..to].iter().copied());
            }
            // a figure
            8 => {
                let figures = ["0", "-1", "255", "65536", "4294967296", "18446744073709551616", "1e999", "0.1", "-0"];
                let figure = figures[chance.index(figures.len())];
                let digits = input[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                input.splice(at..at + digits, figure.bytes());
            }
            _ => input.truncate(at.max(1)),
        }
    }
    input.truncate(LONGEST);
    input
}
