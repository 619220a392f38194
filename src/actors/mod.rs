//! Thin actors around the pure rules: a message comes in, a pure step decides, its effects are
//! performed. Whatever could be wrong about the protocol is in `sync` and `availability`.

pub mod desk;
