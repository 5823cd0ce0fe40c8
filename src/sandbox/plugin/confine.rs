//! What the compiler's process may ask of the kernel: memory, threads of its own, the pipes that it was given. Nothing else.
//!
//! A list of what is allowed, so that what a kernel learns later is refused too. Refused calls fail with "not permitted", for
//! libraries ask for many things that they can do without. No file can be opened, no socket, no other program started; no memory
//! becomes executable, as machine code is written there and never run.

/// Closes the rest of the kernel to this process, for good. Called while it has one thread.
///
/// # Errors
/// Why not; the limits of the process hold in any case.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(super) fn close_kernel() -> Result<(), String> {
    use std::collections::BTreeMap;

    use seccompiler::{
        BpfProgram, SeccompAction, SeccompCmpArgLen::Qword, SeccompCmpOp, SeccompCondition, SeccompFilter,
        SeccompRule, apply_filter,
    };

    /// The system calls that are allowed with any argument.
    const PLAIN: [i64; 39] = [
        libc::SYS_brk,
        libc::SYS_clock_getres,
        libc::SYS_clock_gettime,
        libc::SYS_clock_nanosleep,
        libc::SYS_close,
        libc::SYS_dup,
        libc::SYS_exit,
        libc::SYS_exit_group,
        libc::SYS_fcntl,
        libc::SYS_fstat,
        libc::SYS_futex,
        libc::SYS_get_robust_list,
        libc::SYS_getcpu,
        libc::SYS_getpid,
        libc::SYS_getrandom,
        libc::SYS_gettid,
        libc::SYS_gettimeofday,
        libc::SYS_lseek,
        libc::SYS_madvise,
        libc::SYS_membarrier,
        libc::SYS_mremap,
        libc::SYS_munmap,
        libc::SYS_nanosleep,
        libc::SYS_prctl,
        libc::SYS_read,
        libc::SYS_readv,
        libc::SYS_restart_syscall,
        libc::SYS_rseq,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sched_getaffinity,
        libc::SYS_sched_yield,
        libc::SYS_set_robust_list,
        libc::SYS_set_tid_address,
        libc::SYS_sigaltstack,
        libc::SYS_sysinfo,
        libc::SYS_uname,
        libc::SYS_write,
    ];
    let wrong = |error: seccompiler::BackendError| error.to_string();
    let program = |rules, otherwise, matched| -> Result<BpfProgram, String> {
        let arch = std::env::consts::ARCH.try_into().map_err(wrong)?;
        SeccompFilter::new(rules, otherwise, matched, arch).and_then(BpfProgram::try_from).map_err(wrong)
    };
    let when = |argument, operator, value| -> Result<Vec<SeccompRule>, String> {
        let condition = SeccompCondition::new(argument, Qword, operator, value).map_err(wrong)?;
        Ok(vec![SeccompRule::new(vec![condition]).map_err(wrong)?])
    };
    let bit = |bits: i32| u64::from(bits.cast_unsigned());
    let executable = bit(libc::PROT_EXEC);
    let thread = bit(libc::CLONE_THREAD);
    let own = u64::from(std::process::id());
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        PLAIN.into_iter().map(|call| (call, Vec::new())).collect();
    rules.insert(libc::SYS_mmap, when(2, SeccompCmpOp::MaskedEq(executable), 0)?);
    rules.insert(libc::SYS_mprotect, when(2, SeccompCmpOp::MaskedEq(executable), 0)?);
    rules.insert(libc::SYS_clone, when(0, SeccompCmpOp::MaskedEq(thread), thread)?);
    // An abort; to nobody else.
    rules.insert(libc::SYS_tgkill, when(0, SeccompCmpOp::Eq, own)?);
    // To ask for limits, not to set them.
    rules.insert(libc::SYS_prlimit64, when(2, SeccompCmpOp::Eq, 0)?);
    // See below.
    rules.insert(libc::SYS_clone3, Vec::new());
    let not_permitted = SeccompAction::Errno(libc::EPERM.cast_unsigned());
    let allowed = program(rules, not_permitted, SeccompAction::Allow)?;
    // Its flags are in memory, where a filter sees nothing. As if the kernel had none: then `clone` is taken, whose flags are seen.
    let unknown = SeccompAction::Errno(libc::ENOSYS.cast_unsigned());
    let clone3 = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    let no_clone3 = program(clone3, SeccompAction::Allow, unknown)?;
    // What is allowed does not include setting filters, so that one comes last.
    apply_filter(&no_clone3).and_then(|()| apply_filter(&allowed)).map_err(|error| error.to_string())
}

/// There is no such filter here.
///
/// # Errors
/// Always.
#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
pub(super) fn close_kernel() -> Result<(), String> {
    Err("there is no filter for this system".to_owned())
}
