// The table from argument types to printers. A type that is not in it is printed by its base: a number, a descriptor
// or an address.
#include "src/decode/types.h"

#include <array>
#include <utility>

#include "src/decode/printers.h"
#include "src/decode/vocabularies.h"

namespace sightline::decode {
namespace {

using tracer::ArgType;
using T = ArgType;

constexpr uint8_t kLong32 = 4, kLong64 = 8;

constexpr TypeRow flags(const Vocabulary& words) {
  return {print_flags, &words};
}
constexpr TypeRow choice(const Vocabulary& words) {
  return {print_choice, &words};
}
constexpr TypeRow plain(Printer print) {
  return {print};
}
constexpr TypeRow layout(Printer print, uint8_t longs) {
  return {print, nullptr, longs};
}
constexpr TypeRow late_if(Printer print, Late late) {
  return {print, nullptr, 0, late};
}

constexpr bool never(const Context&) {
  return false;
}

constexpr std::pair<ArgType, TypeRow> kRows[] = {
    // Plain values
    {T::int_, plain(print_int)},
    {T::uint, plain(print_uint)},
    {T::ulong, plain(print_ulong)},
    {T::hex, plain(print_hex)},
    {T::hex32, plain(print_hex)},
    {T::pointer, plain(print_pointer)},
    {T::unused, plain(print_omitted)},
    {T::off, plain(print_offset_value)},
    {T::off_lo, plain(print_offset_low)},
    {T::off_hi, plain(print_omitted)},
    {T::len_lo, plain(print_offset_low)},
    {T::len_hi, plain(print_omitted)},
    {T::int_ptr, plain(print_int_pointer)},
    {T::uint_ptr, plain(print_uint_pointer)},
    {T::u64_ptr, plain(print_u64_pointer)},
    {T::size_ptr, plain(print_size_pointer)},
    {T::size_ptr32, layout(print_size_pointer, kLong32)},
    {T::pointer_ptr, plain(print_pointer_pointer)},
    {T::pointer_ptr32, plain(print_pointer_pointer)},
    {T::address_list, plain(print_address_list)},
    {T::address_list32, plain(print_address_list)},
    {T::off_ptr, plain(print_sendfile_offset)},
    {T::off_ptr32, layout(print_sendfile_offset, kLong32)},
    {T::loff_ptr, late_if(print_offset_pointer, late_offset_pointer)},

    // Names and payload
    {T::path, plain(print_path)},
    {T::symlink_text, plain(print_path)},
    {T::string, plain(print_name)},
    {T::text, plain(print_text)},
    {T::buf, plain(print_buffer)},
    {T::hex_buf, plain(print_hex_buffer)},
    {T::link_target, plain(print_link_target)},
    {T::xattr_name, plain(print_path)},
    {T::xattr_value, plain(print_xattr_value)},
    {T::xattr_list, plain(print_xattr_list)},
    {T::xattr_flags, flags(kXattrFlags)},
    {T::argv, plain(print_argv)},
    {T::envp, plain(print_envp)},

    // Files
    {T::dirfd, plain(print_dirfd)},
    {T::mode, plain(print_mode)},
    {T::open_mode, plain(print_open_mode)},
    {T::file_mode, plain(print_file_mode)},
    {T::dev, plain(print_mknod_device)},
    {T::open_flags, plain(print_open_flags)},
    {T::access_mode, flags(kAccess)},
    {T::at_flags, flags(kAtFlags)},
    {T::faccessat_flags, flags(kAtAccessFlags)},
    {T::unlinkat_flags, flags(kAtFlags)},
    {T::statx_flags, plain(print_statx_flags)},
    {T::statx_mask, flags(kStatxMask)},
    {T::handle_flags, flags(kAtHandleFlags)},
    {T::rename_flags, flags(kRenameFlags)},
    {T::seek_whence, choice(kSeek)},
    {T::flock_op, flags(kFlock)},
    {T::fcntl_cmd, choice(kFcntl)},
    {T::fcntl_arg, late_if(print_fcntl_argument, late_fcntl_argument)},
    {T::ioctl_cmd, plain(print_ioctl_request)},
    {T::ioctl_arg, late_if(print_ioctl_argument, late_ioctl_argument)},
    {T::fallocate_mode, flags(kFallocate)},
    {T::fadvise, choice(kFadvise)},
    {T::sync_range_flags, flags(kSyncFileRange)},
    {T::splice_flags, flags(kSplice)},
    {T::rw_flags, flags(kRwf)},
    {T::close_range_flags, flags(kCloseRange)},
    {T::dup_flags, flags(kOpenFlags)},
    {T::pipe_flags, flags(kOpenFlags)},
    {T::pipe_fds, plain(print_pair_of_fds)},
    {T::memfd_flags, plain(print_memfd_flags)},
    {T::memfd_secret_flags, flags(kOpenFlags)},
    {T::inotify_flags, flags(kInotifyInit)},
    {T::inotify_mask, flags(kInotifyMask)},
    {T::fanotify_flags, plain(print_fanotify_flags)},
    {T::fanotify_mark_flags, flags(kFanotifyMark)},
    {T::fanotify_mask, plain(print_fanotify_mask)},
    {T::fanotify_mask_hi, plain(print_omitted)},
    {T::open_how, plain(print_open_how)},
    {T::stat, plain(print_stat)},
    {T::stat_i386, layout(print_stat_i386, kLong32)},
    {T::stat64_i386, layout(print_stat64_i386, kLong32)},
    {T::old_stat, layout(print_old_stat, kLong32)},
    {T::statx, plain(print_statx)},
    {T::statfs, plain(print_statfs)},
    {T::statfs_i386, layout(print_statfs, kLong32)},
    {T::statfs64_i386, layout(print_statfs64_i386, kLong32)},
    {T::ustat, plain(print_ustat)},
    {T::ustat_i386, layout(print_ustat, kLong32)},
    {T::dirents, plain(print_dirents)},
    {T::dirents_i386, layout(print_dirents, kLong32)},
    {T::dirents64, plain(print_dirents64)},
    {T::old_dirent, layout(print_old_dirent, kLong32)},
    {T::utimbuf, plain(print_utimbuf)},
    {T::utimbuf32, layout(print_utimbuf, kLong32)},
    {T::file_handle, plain(print_file_handle)},
    {T::mount_id, plain(print_mount_id)},
    {T::cachestat_range, plain(print_cachestat_range)},
    {T::cachestat, plain(print_cachestat)},

    // Mounts and file systems
    {T::sysfs_option, plain(print_hex)},
    {T::mount_flags, plain(print_mount_flags)},
    {T::mount_data, plain(print_mount_data)},
    {T::umount_flags, flags(kUmountFlags)},
    {T::swap_flags, plain(print_swap_flags)},
    {T::open_tree_flags, flags(kOpenTree)},
    {T::move_mount_flags, flags(kMoveMount)},
    {T::fsopen_flags, flags(kFsopen)},
    {T::fsconfig_cmd, choice(kFsconfig)},
    {T::fsconfig_value, plain(print_fsconfig_value)},
    {T::fsmount_flags, flags(kFsmount)},
    {T::mount_attr_flags, flags(kMountAttr)},
    {T::fspick_flags, flags(kFspick)},
    {T::mount_setattr_flags, flags(kAtMountFlags)},
    {T::mount_attr, plain(print_mount_attr)},
    {T::quotactl_cmd, plain(print_quota_command)},
    {T::quotactl_addr, plain(print_quota_address)},

    // Memory
    {T::mmap_prot, flags(kProtection)},
    {T::mmap_flags, plain(print_map_flags)},
    {T::mmap_offset, plain(print_hex)},
    {T::mmap_pgoff, plain(print_page_offset)},
    {T::old_mmap_args, plain(print_old_mmap)},
    {T::mremap_flags, flags(kMremap)},
    {T::mremap_address, plain(print_mremap_address)},
    {T::msync_flags, flags(kMsync)},
    {T::madvise, choice(kMadvise)},
    {T::mincore_vec, plain(print_resident_pages)},
    {T::mlock_flags, flags(kMlock)},
    {T::mlockall_flags, flags(kMlockall)},
    {T::pkey_rights, flags(kPkeyRights)},
    {T::mempolicy_mode, plain(print_mempolicy_mode)},
    {T::mempolicy_ptr, plain(print_mempolicy_pointer)},
    {T::mempolicy_flags, flags(kMbind)},
    {T::get_mempolicy_flags, flags(kMpolGet)},
    {T::nodemask, plain(print_node_mask)},
    {T::move_pages_flags, flags(kMovePages)},
    {T::membarrier_cmd, choice(kMembarrier)},
    {T::membarrier_flags, flags(kMembarrierFlags)},
    {T::userfaultfd_flags, flags(kUserfaultfd)},

    // Processes
    {T::pid, plain(print_pid)},
    {T::pidfd_flags, flags(kPidfdFlags)},
    {T::pidfd_signal_flags, flags(kPidfdSignalFlags)},
    {T::uid, plain(print_uid)},
    {T::gid, plain(print_id)},
    {T::uid16, plain(print_id16)},
    {T::gid16, plain(print_id16)},
    {T::uid_ptr, plain(print_id_pointer)},
    {T::gid_ptr, plain(print_id_pointer)},
    {T::uid16_ptr, plain(print_id16_pointer)},
    {T::gid16_ptr, plain(print_id16_pointer)},
    {T::groups, plain(print_groups)},
    {T::groups16, plain(print_groups16)},
    {T::clone_flags, plain(print_clone_flags)},
    {T::clone_stack, plain(print_clone_stack)},
    {T::clone_parent_tid, late_if(print_clone_parent_tid, late_clone_parent_tid)},
    {T::clone_child_tid, plain(print_clone_child_tid)},
    {T::clone_tls, plain(print_clone_tls)},
    {T::clone_args, {print_clone_args, nullptr, 0, late_clone_args, true}},
    {T::unshare_flags, flags(kUnshare)},
    {T::setns_type, flags(kSetns)},
    {T::wait_status, plain(print_wait_status)},
    {T::wait_options, flags(kWaitOptions)},
    {T::waitid_type, choice(kWaitidType)},
    {T::waitid_id, plain(print_waitid_id)},
    {T::rusage, plain(print_rusage)},
    {T::rusage32, layout(print_rusage, kLong32)},
    {T::rusage_who, choice(kRusage)},
    {T::rlimit_resource, choice(kRlimit)},
    {T::rlimit, plain(print_rlimit)},
    {T::rlimit32, layout(print_rlimit, kLong32)},
    {T::rlimit64, plain(print_rlimit64)},
    {T::priority_which, choice(kPriority)},
    {T::ioprio_which, choice(kIoprioWho)},
    {T::ioprio, plain(print_ioprio)},
    {T::sched_policy, plain(print_sched_policy)},
    {T::sched_param, plain(print_sched_param)},
    {T::sched_attr, plain(print_sched_attr)},
    {T::sched_attr_out, plain(print_sched_attr)},
    {T::sched_attr_flags, plain(print_unsigned)},
    {T::cpu_set, plain(print_cpu_set)},
    {T::prctl_option, choice(kPrctl)},
    {T::prctl_arg, late_if(print_prctl_argument, late_prctl_argument)},
    {T::arch_prctl_code, choice(kArchPrctl)},
    {T::arch_prctl_arg, late_if(print_arch_prctl_argument, late_arch_prctl_argument)},
    {T::personality, plain(print_personality)},
    {T::ptrace_request, choice(kPtrace)},
    {T::ptrace_addr, plain(print_ptrace_address)},
    {T::ptrace_data, late_if(print_ptrace_data, late_ptrace_data)},
    {T::seccomp_op, choice(kSeccomp)},
    {T::seccomp_flags, plain(print_seccomp_flags)},
    {T::seccomp_args, late_if(print_seccomp_argument, late_seccomp_argument)},
    {T::kcmp_type, choice(kKcmp)},
    {T::cap_header, plain(print_cap_header)},
    {T::cap_data, plain(print_cap_data)},
    {T::rseq, plain(print_address)},
    {T::rseq_flags, flags(kRseq)},
    {T::utsname, plain(print_utsname)},
    {T::utsname_old, plain(print_utsname_old)},
    {T::utsname_oldold, plain(print_utsname_oldold)},
    {T::sysinfo, plain(print_sysinfo)},
    {T::sysinfo32, layout(print_sysinfo, kLong32)},
    {T::user_desc, plain(print_user_desc)},
    {T::reboot_magic, plain(print_reboot_magic)},
    {T::reboot_cmd, choice(kReboot)},
    {T::syslog_type, plain(print_syslog_action)},
    {T::kexec_flags, plain(print_kexec_flags)},
    {T::kexec_file_flags, flags(kKexecFile)},
    {T::module_flags, flags(kModuleFlags)},
    {T::delete_module_flags, flags(kDeleteModuleFlags)},
    {T::module_params, plain(print_text)},

    // Signals
    {T::signo, plain(print_signal)},
    {T::sigset, plain(print_signal_set)},
    {T::old_sigset, plain(print_old_signal_set)},
    {T::old_sigset_value, plain(print_signal_set_value)},
    {T::sigset_pack, plain(print_signal_set_pack)},
    {T::aio_sigset, plain(print_signal_set_pack)},
    {T::sig_how, choice(kSigHow)},
    {T::sigaction, plain(print_sigaction)},
    {T::sigaction32, layout(print_sigaction, kLong32)},
    {T::old_sigaction, layout(print_old_sigaction, kLong32)},
    {T::sighandler, plain(print_handler)},
    {T::stack, plain(print_stack)},
    {T::stack32, layout(print_stack, kLong32)},
    {T::siginfo, plain(print_siginfo)},
    {T::siginfo32, layout(print_siginfo, kLong32)},
    {T::sigevent, plain(print_sigevent)},
    {T::sigevent32, layout(print_sigevent, kLong32)},
    {T::signalfd_flags, flags(kSignalfdFlags)},

    // Time
    {T::clockid, plain(print_clock)},
    {T::clock_flags, flags(kClockFlags)},
    {T::timespec, late_if(print_timespec, late_time)},
    {T::timespec32, {print_timespec, nullptr, kLong32, late_time}},
    {T::timespec64, {print_timespec, nullptr, kLong64, late_time}},
    {T::timespec_pair, plain(print_timespec_pair)},
    {T::timespec_pair32, layout(print_timespec_pair, kLong32)},
    {T::timespec_pair64, layout(print_timespec_pair, kLong64)},
    {T::timeval, late_if(print_timeval, late_time)},
    {T::timeval32, {print_timeval, nullptr, kLong32, late_time}},
    {T::timeval_pair, plain(print_timeval_pair)},
    {T::timeval_pair32, layout(print_timeval_pair, kLong32)},
    {T::timezone, plain(print_timezone)},
    {T::time_ptr, plain(print_time)},
    {T::time_ptr32, layout(print_time, kLong32)},
    {T::itimer, choice(kItimer)},
    {T::itimerval, plain(print_itimerval)},
    {T::itimerval32, layout(print_itimerval, kLong32)},
    {T::itimerspec, plain(print_itimerspec)},
    {T::itimerspec32, layout(print_itimerspec, kLong32)},
    {T::itimerspec64, layout(print_itimerspec, kLong64)},
    {T::timer_id_ptr, plain(print_int_pointer)},
    {T::timerfd_flags, flags(kTimerfdFlags)},
    {T::timerfd_settime_flags, flags(kTimerfdFlags)},
    {T::timex, plain(print_timex)},
    {T::timex32, layout(print_timex, kLong32)},
    {T::timex64, layout(print_timex, kLong64)},
    {T::tms, plain(print_tms)},
    {T::tms32, layout(print_tms, kLong32)},

    // Waiting for descriptors
    {T::pollfds, late_if(print_poll, never)},
    {T::fd_set, late_if(print_fd_set, never)},
    {T::old_select_args, late_if(print_old_select, never)},
    {T::epoll_flags, flags(kEpollCreate)},
    {T::epoll_op, choice(kEpollOp)},
    {T::epoll_event, plain(print_epoll_event)},
    {T::epoll_events, plain(print_epoll_events)},
    {T::eventfd_flags, flags(kEventfdFlags)},

    // Sockets
    {T::socket_domain, choice(kSocketDomain)},
    {T::socket_type, plain(print_socket_type)},
    {T::socket_protocol, plain(print_socket_protocol)},
    {T::sockaddr, plain(print_socket_address)},
    {T::socklen_ptr, plain(print_socket_length)},
    {T::sol_level, choice(kSocketLevel)},
    {T::sockopt_name, plain(print_socket_option)},
    {T::sockopt_value, plain(print_option_value)},
    {T::msg_flags, flags(kMessageFlags)},
    {T::shutdown_how, choice(kShutdown)},
    {T::accept_flags, flags(kSocketFlags)},
    {T::socket_fds, plain(print_pair_of_fds)},
    {T::iovec, plain(print_iovec)},
    {T::iovec_only, plain(print_iovec_only)},
    {T::msghdr, plain(print_message)},
    {T::mmsghdr, plain(print_messages)},
    {T::socketcall, choice(kSocketcall)},

    // System V and POSIX IPC
    {T::ipc_key, plain(print_ipc_key)},
    {T::ipc_flags, plain(print_ipc_flags)},
    {T::ipc_call, choice(kIpcCall)},
    {T::msg_ctl_cmd, {print_ipc_command, &kMsgctl}},
    {T::sem_ctl_cmd, {print_ipc_command, &kSemctl}},
    {T::shm_ctl_cmd, {print_ipc_command, &kShmctl}},
    {T::sem_ctl_arg, plain(print_semctl_argument)},
    {T::msqid_ds, plain(print_msqid)},
    {T::msqid_ds_i386, layout(print_msqid, kLong32)},
    {T::shmid_ds, plain(print_shmid)},
    {T::shmid_ds_i386, layout(print_shmid, kLong32)},
    {T::shmget_flags, plain(print_shmget_flags)},
    {T::shmat_flags, flags(kShmat)},
    {T::msgbuf, plain(print_message_buffer)},
    {T::msgrcv_flags, flags(kMsgrcv)},
    {T::sembufs, plain(print_sembufs)},
    {T::mq_attr, plain(print_queue_attributes)},
    {T::mq_attr32, layout(print_queue_attributes, kLong32)},
    {T::mq_priority, plain(print_uint_pointer)},

    // Futexes
    {T::futex_op, plain(print_futex_operation)},
    {T::futex_val, plain(print_futex_value)},
    {T::futex_timeout, plain(print_futex_timeout)},
    {T::futex_timeout32, layout(print_futex_timeout, kLong32)},
    {T::futex_timeout64, layout(print_futex_timeout, kLong64)},
    {T::futex_addr2, plain(print_futex_second_address)},
    {T::futex_val3, plain(print_futex_last)},
    {T::futex2_flags, flags(kFutex2)},
    {T::futex_waitv, plain(print_futex_waiters)},

    // Asynchronous I/O
    {T::aio_context_ptr, plain(print_aio_context_pointer)},
    {T::aio_context_ptr32, plain(print_aio_context_pointer)},
    {T::iocb, plain(print_iocb)},
    {T::iocbs, plain(print_iocbs)},
    {T::io_event, plain(print_io_event)},
    {T::io_events, plain(print_io_events)},
    {T::io_uring_params, plain(print_uring_params)},
    {T::io_uring_op, choice(kUringRegister)},
    {T::io_uring_arg, plain(print_uring_argument)},
    {T::io_uring_enter_flags, flags(kUringEnter)},
    {T::io_uring_enter_arg, plain(print_uring_enter_argument)},

    // Keys, security, events
    {T::key_serial, plain(print_key)},
    {T::keyctl_op, choice(kKeyctl)},
    {T::keyctl_arg, late_if(print_keyctl_argument, late_keyctl_argument)},
    {T::bpf_cmd, choice(kBpf)},
    {T::bpf_attr, late_if(print_bpf_attr, never)},
    {T::perf_event_attr, plain(print_perf_attr)},
    {T::perf_flags, flags(kPerfFlags)},
    {T::landlock_ruleset, plain(print_landlock_ruleset)},
    {T::landlock_rule_type, choice(kLandlockRule)},
    {T::landlock_rule, plain(print_landlock_rule)},
    {T::landlock_flags, plain(print_landlock_flags)},
    {T::getrandom_flags, flags(kGetrandom)},
};

Printer base_printer(tracer::ArgBase base) {
  switch (base) {
    case tracer::ArgBase::signed32:
    case tracer::ArgBase::signed64:
      return print_decimal;
    case tracer::ArgBase::unsigned32:
    case tracer::ArgBase::unsigned64:
      return print_unsigned;
    case tracer::ArgBase::hex32:
    case tracer::ArgBase::hex64:
      return print_hex;
    case tracer::ArgBase::octal:
      return print_mode;
    case tracer::ArgBase::fd:
      return print_fd;
    case tracer::ArgBase::pointer:
      return print_address;
  }
  return print_hex;
}

using Table = std::array<TypeRow, tracer::kArgTypeCount>;

Table make_table() {
  Table table{};
  for (std::size_t i = 0; i < table.size(); ++i)
    table[i].print = base_printer(tracer::arg_base(static_cast<ArgType>(i)));
  for (const auto& [type, row] : kRows) table[static_cast<std::size_t>(type)] = row;
  return table;
}

}  // namespace

const TypeRow& type_row(ArgType type) {
  static const Table kTable = make_table();
  static constexpr TypeRow kUnknown = {print_hex};
  const auto index = static_cast<std::size_t>(type);
  return index < kTable.size() ? kTable[index] : kUnknown;
}

uint64_t narrowed(ArgType type, uint64_t value, bool i386) {
  const auto extended = [&] { return static_cast<uint64_t>(int64_t{static_cast<int32_t>(value)}); };
  switch (tracer::arg_base(type)) {
    case tracer::ArgBase::signed32:
    case tracer::ArgBase::fd:
      return extended();
    case tracer::ArgBase::unsigned32:
    case tracer::ArgBase::hex32:
    case tracer::ArgBase::octal:
      return static_cast<uint32_t>(value);
    case tracer::ArgBase::signed64:
      return i386 ? extended() : value;
    case tracer::ArgBase::unsigned64:
    case tracer::ArgBase::hex64:
    case tracer::ArgBase::pointer:
      return i386 ? static_cast<uint32_t>(value) : value;
  }
  return value;
}

}  // namespace sightline::decode
