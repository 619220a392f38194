//! What the process may no longer do once it runs (docs/contract.md#sandbox): write outside the folders that it needs,
//! start programs, change the system. Whoever finds a way into the process finds little there.
//!
//! Must stay true: it is set before there is another thread, because Landlock confines the calling thread and those
//! that it starts; it never loosens; with `"auto"` nothing that a configuration asks for fails because of it.

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
#[path = "linux.rs"]
mod kernel;
#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
#[path = "elsewhere.rs"]
mod kernel;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use super::NodeError;
use crate::{
    availability::FieldError,
    config::{SandboxMode, Settings},
    monitor::Check,
    store,
    vocabulary::Listen,
};

/// That of this process; none inside of a program.
static ENTERED: OnceLock<Sandbox> = OnceLock::new();

/// How much of what was asked for the kernel gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    Full,
    /// An older kernel knows less.
    Partial,
    None,
}

impl Extent {
    fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Partial => "partial",
            Self::None => "none",
        }
    }
}

/// What the process may do, for its whole life.
struct Sandbox {
    /// Landlock.
    files: Extent,
    /// seccomp.
    calls: Extent,
    may: Permissions,
    note: &'static str,
}

/// What a configuration needs.
struct Permissions {
    /// Folders in which everything may be written.
    own: Vec<PathBuf>,
    /// Folders in which files are made and written: of the access log.
    logs: Vec<PathBuf>,
    /// Files that are written and are in none of these: a terminal, or a device.
    files: Vec<PathBuf>,
    /// Folders in which local sockets are made and removed.
    sockets: Vec<PathBuf>,
    programs: bool,
}

impl Permissions {
    fn of(settings: &Settings) -> Self {
        let mut may = Self {
            own: vec![settings.node.data.clone()],
            logs: Vec::new(),
            // what a program is given in place of its input
            files: vec![PathBuf::from("/dev/null")],
            sockets: Vec::new(),
            programs: programs(settings).is_some(),
        };
        match log(settings) {
            // A file is moved away and made anew in its folder.
            Some(file) if fs::metadata(&file).map_or(true, |found| found.is_file()) => may.logs.extend(parent(&file)),
            Some(file) => may.files.push(file),
            None => {}
        }
        for listen in &settings.gate.listen {
            if let Listen::Unix(path) = listen {
                may.sockets.extend(parent(path));
            }
        }
        may
    }

    /// Whether this file of a log may be written, as far as its path tells.
    fn allows_log(&self, file: &Path) -> bool {
        let whole = |path: &Path| fs::canonicalize(path).ok();
        let is_in = |folders: &[PathBuf]| {
            let at = parent(file).and_then(|folder| whole(&folder));
            at.is_some_and(|at| folders.iter().filter_map(|one| whole(one)).any(|one| at.starts_with(one)))
        };
        self.files.iter().any(|one| one == file) || is_in(&self.own) || is_in(&self.logs)
    }
}

/// The name of a monitor that runs a program.
fn programs(settings: &Settings) -> Option<&str> {
    let runs = settings.monitors.iter().find(|watch| matches!(watch.check, Check::Command(_)));
    runs.map(|watch| watch.name.as_str())
}

fn log(settings: &Settings) -> Option<PathBuf> {
    settings.gate.access_log.as_ref()?.file.clone()
}

/// The folder that a file is in; of a link, the folder of what it leads to.
fn parent(file: &Path) -> Option<PathBuf> {
    let file = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    match file.parent()? {
        folder if folder.as_os_str().is_empty() => Some(PathBuf::from(".")),
        folder => Some(folder.to_owned()),
    }
}

/// Confines the process, as far as the settings want it and the kernel can.
///
/// # Errors
/// With `node.sandbox = "on"`, when the kernel does not have it. When the folder of the store cannot be made.
pub(super) fn enter(settings: &Settings) -> Result<(), NodeError> {
    let mode = settings.node.sandbox;
    let free = |note| Sandbox { files: Extent::None, calls: Extent::None, may: Permissions::of(settings), note };
    let sandbox = match mode {
        SandboxMode::Off => free("node.sandbox is \"off\""),
        SandboxMode::Auto if programs(settings).is_some() => {
            free("monitors run programs, which may need anything; node.sandbox = \"on\" confines them, too")
        }
        SandboxMode::Auto | SandboxMode::On => {
            // It must be there to be allowed.
            store::make_folder(&settings.node.data)?;
            let may = Permissions::of(settings);
            let refused = |error: String| format!("node.sandbox = \"on\", but this system does not have it: {error}");
            let (files, calls) = match (kernel::confine_files(&may), kernel::confine_calls(&may)) {
                (Ok(files), Ok(calls)) => (files, calls),
                (Err(error), _) | (_, Err(error)) if mode == SandboxMode::On => {
                    return Err(NodeError::Settings(refused(error)));
                }
                (files, calls) => (files.unwrap_or(Extent::None), calls.unwrap_or(Extent::None)),
            };
            let note = match (files, calls) {
                (Extent::Full, Extent::Full) => "the process writes in its own folders only",
                _ => "the kernel does not have all of it",
            };
            Sandbox { files, calls, may, note }
        }
    };
    // A second node in one process keeps what the first one has set; nothing could loosen it.
    ENTERED.set(sandbox).ok();
    Ok(())
}

/// Says in the log what was reached.
pub(super) fn report() {
    if let Some(Sandbox { files, calls, note, .. }) = ENTERED.get() {
        log::info!(landlock = files.name(), seccomp = calls.name(), note; "sandbox");
    }
}

/// What the process could not do under other settings.
pub(super) fn refuses(settings: &Settings) -> Vec<FieldError> {
    let Some(sandbox) = ENTERED.get() else { return Vec::new() };
    let mut refused = Vec::new();
    if (sandbox.calls != Extent::None || sandbox.files != Extent::None)
        && let (Some(name), false) = (programs(settings), sandbox.may.programs)
    {
        let problem = format!(
            "monitor {name} runs a program, which the sandbox of this node does not allow since its start: restart the node"
        );
        refused.push(FieldError::new("monitor.command", problem));
    }
    if let (Some(file), true) = (log(settings), sandbox.files != Extent::None)
        && !sandbox.may.allows_log(&file)
    {
        let problem = format!(
            "{} is in a folder that the sandbox of this node does not let it write since its start: restart the node",
            file.display()
        );
        refused.push(FieldError::new("gate.access_log", problem));
    }
    refused
}
