//! Where there is neither Landlock nor seccomp.

use super::{Extent, Permissions};

pub(super) fn confine_files(_: &Permissions) -> Result<Extent, String> {
    Err("Landlock is a part of Linux".to_owned())
}

pub(super) fn confine_calls(_: &Permissions) -> Result<Extent, String> {
    Err("seccomp is a part of Linux".to_owned())
}
