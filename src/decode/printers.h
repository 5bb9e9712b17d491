/// The printers of arguments, by theme, and the pieces they share. Which argument type has which printer is types.cc's
/// table; what a printer may do, context.h tells.
///
/// append_* appends one thing to `out` or `context.out`; those with Fields read it from there. late_* says whether an
/// argument's text depends on how the call ends.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "src/decode/context.h"

namespace sightline::decode {

// plain values (print_plain.cc)
bool late_offset_pointer(const Context& context);
void print_decimal(Context& context, uint64_t value);
void print_unsigned(Context& context, uint64_t value);
void print_uint(Context& context, uint64_t value);
void print_ulong(Context& context, uint64_t value);
void print_offset_value(Context& context, uint64_t value);
void print_hex(Context& context, uint64_t value);
void print_address(Context& context, uint64_t value);
void print_mode(Context& context, uint64_t value);
void print_fd(Context& context, uint64_t value);
void print_dirfd(Context& context, uint64_t value);
void print_id(Context& context, uint64_t value);
void print_id16(Context& context, uint64_t value);
void print_omitted(Context& context, uint64_t value);
void print_flags(Context& context, uint64_t value);
void print_choice(Context& context, uint64_t value);
void print_offset_low(Context& context, uint64_t value);
void print_int_pointer(Context& context, uint64_t value);
void print_uint_pointer(Context& context, uint64_t value);
void print_u64_pointer(Context& context, uint64_t value);
void print_size_pointer(Context& context, uint64_t value);
void print_pointer_pointer(Context& context, uint64_t value);
void print_id_pointer(Context& context, uint64_t value);
void print_id16_pointer(Context& context, uint64_t value);
void print_address_list(Context& context, uint64_t value);
void print_groups(Context& context, uint64_t value);
void print_groups16(Context& context, uint64_t value);
void print_sendfile_offset(Context& context, uint64_t value);
void print_offset_pointer(Context& context, uint64_t value);
void print_pair_of_fds(Context& context, uint64_t value);

// names and payload (print_text.cc)
void print_path(Context& context, uint64_t value);
void print_text(Context& context, uint64_t value);
void print_buffer(Context& context, uint64_t value);
void print_hex_buffer(Context& context, uint64_t value);
void print_link_target(Context& context, uint64_t value);
void print_xattr_value(Context& context, uint64_t value);
void print_xattr_list(Context& context, uint64_t value);
void print_argv(Context& context, uint64_t value);
void print_envp(Context& context, uint64_t value);

// files (print_files.cc)
bool is_device_mode(uint32_t mode);
void append_open_flags(std::string& out, uint64_t flags);
void append_file_mode(std::string& out, uint32_t mode);
void print_open_flags(Context& context, uint64_t value);
void print_open_mode(Context& context, uint64_t value);
void print_file_mode(Context& context, uint64_t value);
void print_mknod_device(Context& context, uint64_t value);
void print_statx_flags(Context& context, uint64_t value);
void print_open_how(Context& context, uint64_t value);
void print_file_handle(Context& context, uint64_t value);
void print_mount_id(Context& context, uint64_t value);
void print_timespec_pair(Context& context, uint64_t value);
void print_timeval_pair(Context& context, uint64_t value);
void print_utimbuf(Context& context, uint64_t value);

// stat (print_stat.cc)
void print_stat(Context& context, uint64_t value);
void print_stat_i386(Context& context, uint64_t value);
void print_stat64_i386(Context& context, uint64_t value);
void print_old_stat(Context& context, uint64_t value);
void print_statx(Context& context, uint64_t value);
void print_statfs(Context& context, uint64_t value);
void print_statfs64_i386(Context& context, uint64_t value);
void print_ustat(Context& context, uint64_t value);

// directories (print_directories.cc)
void print_dirents(Context& context, uint64_t value);
void print_dirents64(Context& context, uint64_t value);
void print_old_dirent(Context& context, uint64_t value);

// fcntl (print_fcntl.cc)
bool late_fcntl_argument(const Context& context);
bool append_fcntl_result(Context& context, int64_t ret);
void print_fcntl_argument(Context& context, uint64_t value);

// poll, select, epoll (print_waiting.cc)
void append_bit_numbers(Context& context, std::span<const std::byte> bytes);
bool counts_down(const Context& context);
void print_time_down(Context& context, uint64_t value, Append append);
void print_poll(Context& context, uint64_t value);
void print_fd_set(Context& context, uint64_t value);
void print_epoll_event(Context& context, uint64_t value);
void print_epoll_events(Context& context, uint64_t value);
void print_old_select(Context& context, uint64_t value);

// sockets (print_sockets.cc)
void append_socket_address(Context& context, std::span<const std::byte> bytes);
void append_credentials(Context& context, Fields& fields);
void append_filter_program(Context& context, Fields& fields);
void print_socket_type(Context& context, uint64_t value);
void print_socket_protocol(Context& context, uint64_t value);
void print_socket_address(Context& context, uint64_t value);
void print_socket_length(Context& context, uint64_t value);
void print_socket_option(Context& context, uint64_t value);
void print_option_value(Context& context, uint64_t value);

// scattered data and messages (print_messages.cc)
void print_iovec(Context& context, uint64_t value);
void print_iovec_only(Context& context, uint64_t value);
void print_message(Context& context, uint64_t value);
void print_messages(Context& context, uint64_t value);

// signals (print_signals.cc)
void append_signal(std::string& out, int signo);
void append_signal_set(std::string& out, uint64_t set, int signals);
void print_signal(Context& context, uint64_t value);
void print_signal_set(Context& context, uint64_t value);
void print_old_signal_set(Context& context, uint64_t value);
void print_signal_set_value(Context& context, uint64_t value);
void print_signal_set_pack(Context& context, uint64_t value);
void print_sigaction(Context& context, uint64_t value);
void print_old_sigaction(Context& context, uint64_t value);
void print_handler(Context& context, uint64_t value);
void print_stack(Context& context, uint64_t value);
void print_sigevent(Context& context, uint64_t value);

// siginfo (siginfo.cc)
void append_ticks(std::string& out, int64_t ticks);
void append_siginfo(std::string& out, Fields& fields);
void print_siginfo(Context& context, uint64_t value);

// times (print_times.cc)
void append_timespec(Context& context, Fields& fields);
void append_timeval(Context& context, Fields& fields);
bool late_time(const Context& context);
void print_clock(Context& context, uint64_t value);
void print_timespec(Context& context, uint64_t value);
void print_timeval(Context& context, uint64_t value);
void print_itimerval(Context& context, uint64_t value);
void print_itimerspec(Context& context, uint64_t value);
void print_timezone(Context& context, uint64_t value);
void print_tms(Context& context, uint64_t value);
void print_time(Context& context, uint64_t value);
void print_timex(Context& context, uint64_t value);

// memory (print_memory.cc)
void append_flags_and_huge_size(std::string& out, uint64_t value, const Vocabulary& words, std::string_view shift);
void print_map_flags(Context& context, uint64_t value);
void print_memfd_flags(Context& context, uint64_t value);
void print_page_offset(Context& context, uint64_t value);
void print_mremap_address(Context& context, uint64_t value);
void print_old_mmap(Context& context, uint64_t value);
void print_resident_pages(Context& context, uint64_t value);
void print_mempolicy_mode(Context& context, uint64_t value);
void print_mempolicy_pointer(Context& context, uint64_t value);
void print_node_mask(Context& context, uint64_t value);

// processes (print_processes.cc)
bool late_clone_parent_tid(const Context& context);
bool late_clone_args(const Context& context);
void append_ioprio(std::string& out, uint32_t priority);
void append_personality(std::string& out, uint32_t personality);
void print_clone_flags(Context& context, uint64_t value);
void print_clone_stack(Context& context, uint64_t value);
void print_clone_parent_tid(Context& context, uint64_t value);
void print_clone_child_tid(Context& context, uint64_t value);
void print_clone_tls(Context& context, uint64_t value);
void print_clone_args(Context& context, uint64_t value);
void print_wait_status(Context& context, uint64_t value);
void print_rusage(Context& context, uint64_t value);
void print_rlimit(Context& context, uint64_t value);
void print_rlimit64(Context& context, uint64_t value);
void print_sched_param(Context& context, uint64_t value);
void print_sched_attr(Context& context, uint64_t value);
void print_sched_policy(Context& context, uint64_t value);
void print_ioprio(Context& context, uint64_t value);
void print_cpu_set(Context& context, uint64_t value);
void print_cap_header(Context& context, uint64_t value);
void print_cap_data(Context& context, uint64_t value);
void print_personality(Context& context, uint64_t value);
void print_kcmp_index(Context& context, uint64_t value);
void print_waitid_id(Context& context, uint64_t value);

// prctl, arch_prctl (print_prctl.cc)
bool late_prctl_argument(const Context& context);
bool append_prctl_result(Context& context, int64_t ret);
bool late_arch_prctl_argument(const Context& context);
void print_prctl_argument(Context& context, uint64_t value);
void print_arch_prctl_argument(Context& context, uint64_t value);

// futexes (print_futexes.cc)
void print_futex_operation(Context& context, uint64_t value);
void print_futex_value(Context& context, uint64_t value);
void print_futex_timeout(Context& context, uint64_t value);
void print_futex_second_address(Context& context, uint64_t value);
void print_futex_last(Context& context, uint64_t value);
void print_futex_waiters(Context& context, uint64_t value);

// ioctl (print_ioctls.cc)
bool late_ioctl_argument(const Context& context);
void print_ioctl_request(Context& context, uint64_t value);
void print_ioctl_argument(Context& context, uint64_t value);

// terminals (print_terminals.cc)
void append_termios(Context& context, Fields& fields);
void append_termios2(Context& context, Fields& fields);
void append_termio(Context& context, Fields& fields);

// network interfaces (print_interfaces.cc)
void print_interface_request(Context& context, uint64_t value);
void print_interface_list(Context& context, uint64_t value);

// System V IPC and message queues (print_ipc.cc)
void print_ipc_key(Context& context, uint64_t value);
void print_ipc_flags(Context& context, uint64_t value);
void print_shmget_flags(Context& context, uint64_t value);
void print_ipc_command(Context& context, uint64_t value);
void print_semctl_argument(Context& context, uint64_t value);
void print_shmid(Context& context, uint64_t value);
void print_msqid(Context& context, uint64_t value);
void print_sembufs(Context& context, uint64_t value);
void print_message_buffer(Context& context, uint64_t value);
void print_queue_attributes(Context& context, uint64_t value);

// mounts, quotas (print_mounts.cc)
void print_mount_flags(Context& context, uint64_t value);
void print_mount_data(Context& context, uint64_t value);
void print_name(Context& context, uint64_t value);
void print_fsconfig_value(Context& context, uint64_t value);
void print_mount_attr(Context& context, uint64_t value);
void print_quota_command(Context& context, uint64_t value);
void print_uid(Context& context, uint64_t value);
void print_quota_address(Context& context, uint64_t value);
void print_swap_flags(Context& context, uint64_t value);

// the system (print_system.cc)
bool late_seccomp_argument(const Context& context);
bool without_buffer(const Context& context);
void append_key(std::string& out, int32_t key);
void print_utsname(Context& context, uint64_t value);
void print_utsname_old(Context& context, uint64_t value);
void print_utsname_oldold(Context& context, uint64_t value);
void print_sysinfo(Context& context, uint64_t value);
void print_user_desc(Context& context, uint64_t value);
void print_filter_program(Context& context, uint64_t value);
void print_seccomp_flags(Context& context, uint64_t value);
void print_seccomp_argument(Context& context, uint64_t value);
void print_int(Context& context, uint64_t value);
void print_syslog_action(Context& context, uint64_t value);
void print_kexec_flags(Context& context, uint64_t value);
void print_fanotify_flags(Context& context, uint64_t value);
void print_fanotify_mask(Context& context, uint64_t value);
void print_landlock_flags(Context& context, uint64_t value);
void print_pointer(Context& context, uint64_t value);
void print_reboot_magic(Context& context, uint64_t value);
void print_key(Context& context, uint64_t value);
void print_landlock_ruleset(Context& context, uint64_t value);
void print_landlock_rule(Context& context, uint64_t value);
void print_perf_attr(Context& context, uint64_t value);
void print_cachestat_range(Context& context, uint64_t value);
void print_cachestat(Context& context, uint64_t value);

// asynchronous I/O (print_async.cc)
void print_aio_context_pointer(Context& context, uint64_t value);
void print_iocb(Context& context, uint64_t value);
void print_io_event(Context& context, uint64_t value);
void print_io_events(Context& context, uint64_t value);
void print_iocbs(Context& context, uint64_t value);
void print_uring_params(Context& context, uint64_t value);
void print_uring_argument(Context& context, uint64_t value);
void print_uring_enter_argument(Context& context, uint64_t value);

// ptrace, keyctl, bpf (print_ptrace.cc)
bool late_ptrace_data(const Context& context);
bool late_keyctl_argument(const Context& context);
void print_pid(Context& context, uint64_t value);
void print_ptrace_address(Context& context, uint64_t value);
void print_ptrace_data(Context& context, uint64_t value);
void print_keyctl_argument(Context& context, uint64_t value);
void print_bpf_attr(Context& context, uint64_t value);

}  // namespace sightline::decode
