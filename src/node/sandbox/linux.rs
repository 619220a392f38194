//! Landlock and seccomp.
//!
//! Must stay true: reading is never restricted, because a configuration that is read again may name other files; calls
//! are refused with EPERM and end nothing, so that a library that tries one goes on without it. Only a program for
//! another architecture is ended: the numbers of its calls are others.

use std::{collections::BTreeMap, fs, path::Path};

use landlock::{
    ABI, AccessFs, BitFlags, PathBeneath, PathFd, RestrictionStatus, Ruleset, RulesetAttr as _, RulesetCreated,
    RulesetCreatedAttr as _, RulesetStatus, Scope,
};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    apply_filter_all_threads,
};

use super::{Extent, Permissions};

/// What was known when this was written (Linux 6.12); an older kernel does less.
const KNOWN: ABI = ABI::V6;

/// Restricts where the process writes, what it starts, and whom it sends signals.
pub(super) fn confine_files(may: &Permissions) -> Result<Extent, String> {
    match restrict(may) {
        Ok(RestrictionStatus { ruleset: RulesetStatus::FullyEnforced, .. }) => Ok(Extent::Full),
        Ok(RestrictionStatus { ruleset: RulesetStatus::PartiallyEnforced, .. }) => Ok(Extent::Partial),
        Ok(_) => Err("the kernel has no Landlock, or does not use it".to_owned()),
        Err(error) => Err(format!("Landlock: {error}")),
    }
}

fn restrict(may: &Permissions) -> Result<RestrictionStatus, landlock::RulesetError> {
    let write = AccessFs::from_write(KNOWN);
    let mut handled = write;
    if !may.programs {
        handled |= AccessFs::Execute;
    }
    let mut rules = Ruleset::default().handle_access(handled)?.scope(Scope::Signal)?.create()?;
    for folder in &may.own {
        rules = allow(rules, folder, write)?;
    }
    for folder in &may.logs {
        rules = allow(rules, folder, AccessFs::MakeReg | AccessFs::WriteFile)?;
    }
    for folder in &may.sockets {
        rules = allow(rules, folder, AccessFs::MakeSock | AccessFs::RemoveFile)?;
    }
    for file in &may.files {
        // What is behind a pipe is not restricted, and cannot be named.
        if fs::canonicalize(file).is_ok() {
            rules = allow(rules, file, AccessFs::WriteFile.into())?;
        }
    }
    rules.restrict_self()
}

/// What is not there cannot be allowed, nor written.
fn allow(
    rules: RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, landlock::RulesetError> {
    match PathFd::new(path) {
        Ok(at) => rules.add_rule(PathBeneath::new(at, access)),
        Err(_) => Ok(rules),
    }
}

/// Calls that change the system, look into other processes, or have let many out of a sandbox.
const DANGEROUS: &[libc::c_long] = &[
    libc::SYS_acct,
    libc::SYS_add_key,
    libc::SYS_adjtimex,
    libc::SYS_bpf,
    libc::SYS_chroot,
    libc::SYS_clock_adjtime,
    libc::SYS_clock_settime,
    libc::SYS_delete_module,
    libc::SYS_finit_module,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fsopen,
    libc::SYS_fspick,
    libc::SYS_init_module,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_uring_setup,
    libc::SYS_kcmp,
    // musl does not name it everywhere
    #[cfg(not(target_env = "musl"))]
    libc::SYS_kexec_file_load,
    libc::SYS_kexec_load,
    libc::SYS_keyctl,
    libc::SYS_mount,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_open_tree,
    libc::SYS_perf_event_open,
    libc::SYS_personality,
    libc::SYS_pidfd_getfd,
    libc::SYS_pivot_root,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_ptrace,
    libc::SYS_quotactl,
    libc::SYS_reboot,
    libc::SYS_request_key,
    libc::SYS_setdomainname,
    libc::SYS_sethostname,
    libc::SYS_setns,
    libc::SYS_settimeofday,
    libc::SYS_swapoff,
    libc::SYS_swapon,
    libc::SYS_syslog,
    libc::SYS_umount2,
    libc::SYS_unshare,
    libc::SYS_userfaultfd,
    libc::SYS_vhangup,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
];

/// Kinds of sockets of which a node needs none: raw packets, the kernel's cryptography, virtual machines, XDP.
const SOCKETS: &[libc::c_int] = &[libc::AF_PACKET, libc::AF_ALG, libc::AF_VSOCK, libc::AF_XDP];

/// Refuses dangerous calls.
pub(super) fn confine_calls(may: &Permissions) -> Result<Extent, String> {
    let failed = |error: &dyn std::fmt::Display| format!("seccomp: {error}");
    let filter = filter(may).map_err(|error| failed(&error))?;
    apply_filter_all_threads(&filter).map_err(|error| failed(&error))?;
    Ok(Extent::Full)
}

fn filter(may: &Permissions) -> Result<BpfProgram, seccompiler::BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = DANGEROUS.iter().map(|call| (*call, Vec::new())).collect();
    if !may.programs {
        rules.extend([libc::SYS_execve, libc::SYS_execveat].map(|call| (call, Vec::new())));
    }
    let of = |kind: &libc::c_int| {
        let is = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, u64::from(kind.unsigned_abs()))?;
        SeccompRule::new(vec![is])
    };
    rules.insert(libc::SYS_socket, SOCKETS.iter().map(of).collect::<Result<_, _>>()?);
    // The same calls by the numbers of the other ABI of this machine.
    #[cfg(target_arch = "x86_64")]
    rules.extend(rules.clone().into_iter().map(|(call, rules)| (call | X32, rules)).collect::<Vec<_>>());
    let refused = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refused, std::env::consts::ARCH.try_into()?)?;
    filter.try_into()
}

/// The bit of x32.
#[cfg(target_arch = "x86_64")]
const X32: i64 = 0x4000_0000;
