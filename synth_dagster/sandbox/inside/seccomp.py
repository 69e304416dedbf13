"""What the kernel is asked to refuse to a program: to become several, to reach others, to change the machine.

A filter in the kernel's classic BPF. A program stays one process with one thread, so nothing of it can outlive it and
no bomb of processes can begin. Calls that are younger than this list are refused as well.
"""

import ctypes
import struct

from synth_dagster.sandbox.inside import system

# name x86_64 arm64; - where a machine does not have it
_TABLE = """
clone 56 220, fork 57 -, vfork 58 -, clone3 435 435, execve 59 221, execveat 322 281, setsid 112 157, setpgid 109 154,
socket 41 198, socketpair 53 199, kill 62 129, tkill 200 130, tgkill 234 131, rt_sigqueueinfo 129 138,
rt_tgsigqueueinfo 297 240, pidfd_open 434 434, pidfd_send_signal 424 424, pidfd_getfd 438 438, ptrace 101 117,
process_vm_readv 310 270, process_vm_writev 311 271, process_madvise 440 440, process_mrelease 448 448, kcmp 312 272,
mount 165 40, umount2 166 39, pivot_root 155 41, chroot 161 51, open_tree 428 428, move_mount 429 429, fsopen 430 430,
fsconfig 431 431, fsmount 432 432, fspick 433 433, mount_setattr 442 442, unshare 272 97, setns 308 268, bpf 321 280,
perf_event_open 298 241, userfaultfd 323 282, io_uring_setup 425 425, io_uring_enter 426 426, io_uring_register 427 427,
keyctl 250 219, add_key 248 217, request_key 249 218, shmget 29 194, shmat 30 196, shmctl 31 195, msgget 68 186,
msgctl 71 187, semget 64 190, mq_open 240 180, memfd_create 319 279, memfd_secret 447 447, init_module 175 105,
finit_module 313 273, delete_module 176 106, kexec_load 246 104, kexec_file_load 320 294, reboot 169 142,
swapon 167 224, swapoff 168 225, acct 163 89, settimeofday 164 170, clock_settime 227 112, adjtimex 159 171,
clock_adjtime 305 266, sethostname 170 161, setdomainname 171 162, personality 135 92, setpriority 141 140,
sched_setscheduler 144 119, sched_setparam 142 118, sched_setattr 314 274, sched_setaffinity 203 122, ioprio_set 251 30,
migrate_pages 256 238, move_pages 279 239, name_to_handle_at 303 264, open_by_handle_at 304 265, syslog 103 116,
vhangup 153 58, quotactl 179 60, quotactl_fd 443 443, iopl 172 -, ioperm 173 -, modify_ldt 154 -, chmod 90 -,
fchmod 91 52, fchmodat 268 53, chown 92 -, fchown 93 55, lchown 94 -, fchownat 260 54, setxattr 188 5, lsetxattr 189 6,
fsetxattr 190 7, removexattr 197 14, lremovexattr 198 15, fremovexattr 199 16, utime 132 -, utimes 235 -,
utimensat 280 88, futimesat 261 -, truncate 76 45, mknod 133 -, mknodat 259 33, fanotify_init 300 262
"""
_LAST = 449  # the youngest call that was looked at: futex_waitv, of Linux 5.16
_MACHINES = {"x86_64": (0, 0xC000003E, 302), "aarch64": (1, 0xC00000B7, 261)}  # column, AUDIT_ARCH, prlimit64

_LOAD, _EQUAL, _GREATER, _RETURN = 0x20, 0x15, 0x25, 0x06
_ALLOW, _KILL, _NOT_PERMITTED, _NO_SUCH_CALL = 0x7FFF0000, 0x80000000, 0x00050001, 0x00050026


def install() -> None:
    """From here on the kernel refuses these calls to this process. Raises NotHere where it has no such filter."""
    if system.MACHINE not in _MACHINES:
        raise system.NotHere(f"seccomp: no list of calls for {system.MACHINE}")
    code = b"".join(program(system.MACHINE))
    text = ctypes.create_string_buffer(code, len(code))
    whole = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(text))
    system.control(system.PR_SET_NO_NEW_PRIVS, 1)
    system.control(system.PR_SET_SECCOMP, 2, ctypes.c_char_p(whole))


def program(machine: str) -> list[bytes]:
    """The filter, one instruction an item."""
    _, architecture, prlimit = _MACHINES[machine]
    steps = [_step(_LOAD, 4), _step(_EQUAL, architecture, 1, 0), _step(_RETURN, _KILL), _step(_LOAD, 0)]
    steps += [_step(_GREATER, _LAST, 0, 1), _step(_RETURN, _NO_SUCH_CALL)]  # the x32 calls of x86_64 lie here too
    for number in denied(machine):
        steps += [_step(_EQUAL, number, 0, 1), _step(_RETURN, _NOT_PERMITTED)]
    # limits may be read, and lowered, of the process itself: the first argument is 0
    steps += [_step(_EQUAL, prlimit, 0, 3), _step(_LOAD, 16), _step(_EQUAL, 0, 1, 0), _step(_RETURN, _NOT_PERMITTED)]
    return [*steps, _step(_RETURN, _ALLOW)]


def denied(machine: str) -> list[int]:
    """The numbers of the calls that are refused."""
    column = _MACHINES[machine][0]
    rows = (row.split() for row in _TABLE.replace("\n", " ").strip().split(","))
    return [int(numbers[column]) for _, *numbers in rows if numbers[column] != "-"]


def _step(code: int, value: int, when_true: int = 0, when_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, when_true, when_false, value)
