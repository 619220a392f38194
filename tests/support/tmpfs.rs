//! A small disk, which can be full: a tmpfs, which only root can mount.

use std::{
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

/// A tmpfs; unmounted when it is dropped.
pub struct Tmpfs(pub PathBuf);

impl Tmpfs {
    /// Mounts one, or says loudly why not (`None`).
    ///
    /// # Panics
    /// With `CI` set, where skipping is failing.
    pub fn mount(folder: &Path, size: &str) -> Option<Self> {
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(folder).output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(folder.to_owned())),
            other => {
                let ci = std::env::var("CI").is_ok_and(|ci| ci == "1" || ci == "true");
                assert!(!ci, "no tmpfs, which CI must have: {other:?}");
                eprintln!("SKIPPED: no tmpfs can be mounted (this needs root): {other:?}");
                None
            }
        }
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // lazily: a child that is being killed may still hold a file
        Command::new("umount").arg("-l").arg(&self.0).status().ok();
    }
}

/// Writes to this file until the disk is full.
pub fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    while file.write_all(&[0; 65_536]).is_ok() {}
    while file.write_all(&[0]).is_ok() {}
}
