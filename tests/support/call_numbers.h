// The numbers of system calls, of the kernel's own headers for two architectures: one of them is not this machine's.
#pragma once

#include <map>
#include <string>

namespace hubcell::tests {

using CallNumbers = std::map<std::string, long>;

const CallNumbers& x86_64_calls();  // Linux's arch/x86/entry/syscalls/syscall_64.tbl
const CallNumbers& arm64_calls();   // Linux's include/uapi/asm-generic/unistd.h, which is arm64's table

}  // namespace hubcell::tests

// clang-format off
#define HUBCELL_TEST_CALLS(X) \
  X(accept4) X(add_key) X(bind) X(bpf) X(brk) X(capset) X(chroot) X(clock_gettime) X(clock_nanosleep) \
  X(clone) X(clone3) X(close) X(connect) X(dup3) X(epoll_create1) X(epoll_ctl) X(epoll_pwait) X(eventfd2) \
  X(execve) X(execveat) X(exit) X(exit_group) X(faccessat) X(fanotify_init) X(fchmod) X(fchmodat) \
  X(fchown) X(fchownat) X(fcntl) X(finit_module) X(fsopen) X(fstat) X(futex) X(getdents64) X(getpid) \
  X(getrandom) X(getrusage) X(gettid) X(getxattr) X(init_module) X(inotify_init1) X(io_uring_enter) \
  X(io_uring_register) X(io_uring_setup) X(ioprio_set) X(kcmp) X(kexec_load) X(keyctl) X(kill) \
  X(landlock_restrict_self) X(listen) X(lseek) X(madvise) X(mbind) X(memfd_create) X(mkdirat) X(mknodat) \
  X(mmap) X(mount) X(move_mount) X(move_pages) X(mprotect) X(mq_open) X(mremap) X(msgget) X(munmap) \
  X(name_to_handle_at) X(newfstatat) X(open_by_handle_at) X(open_tree) X(openat) X(openat2) \
  X(perf_event_open) X(personality) X(pidfd_getfd) X(pidfd_open) X(pipe2) X(pivot_root) X(ppoll) \
  X(pread64) X(prlimit64) X(process_vm_readv) X(process_vm_writev) X(pselect6) X(ptrace) X(read) \
  X(readlinkat) X(readv) X(reboot) X(recvmsg) X(renameat2) X(request_key) X(rseq) X(rt_sigaction) \
  X(rt_sigprocmask) X(rt_sigqueueinfo) X(rt_sigreturn) X(sched_getaffinity) X(sched_setaffinity) \
  X(sched_setscheduler) X(sched_yield) X(semget) X(sendmsg) X(set_robust_list) X(setgroups) X(sethostname) \
  X(setns) X(setpgid) X(setpriority) X(setresuid) X(setrlimit) X(setsid) X(setuid) X(shmget) X(socket) \
  X(socketpair) X(statx) X(swapon) X(sysinfo) X(syslog) X(tgkill) X(tkill) X(truncate) X(umount2) X(uname) \
  X(unlinkat) X(unshare) X(userfaultfd) X(utimensat) X(write)
// clang-format on
