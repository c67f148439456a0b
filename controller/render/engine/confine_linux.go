//go:build linux && (amd64 || arm64)

package main

import (
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// limitResources bounds this process: memory (Go ends it when it can't get more), no files, no core dumps. The
// address space of a Go program is over a gigabyte before it does anything, so the bound counts from there.
func limitResources(memory int64) {
	set := func(resource int, name string, value uint64) {
		if err := unix.Setrlimit(resource, &unix.Rlimit{Cur: value, Max: value}); err != nil {
			fmt.Fprintf(os.Stderr, "can't limit %s: %v\n", name, err)
		}
	}
	if memory > 0 {
		mapped, data := usage()
		set(unix.RLIMIT_AS, "the address space", mapped+uint64(memory))
		set(unix.RLIMIT_DATA, "the data", data+uint64(memory))
	}
	set(unix.RLIMIT_FSIZE, "the size of files", 0)
	set(unix.RLIMIT_CORE, "core dumps", 0)
}

// usage returns the bytes of address space and of data in use.
func usage() (mapped, data uint64) {
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 2 << 30, 256 << 20 // more than a fresh program was ever seen to take
	}
	var total, resident, shared, text, library, private uint64
	if _, err := fmt.Sscan(string(statm), &total, &resident, &shared, &text, &library, &private); err != nil {
		return 2 << 30, 256 << 20
	}
	page := uint64(os.Getpagesize())
	return total * page, private * page
}

// forbidden are the system calls that reach beyond this process: sockets, files, programs, other processes. The
// runtime needs none of them once it runs; threads, memory, pipes and the clock stay.
var forbidden = append([]uint32{
	unix.SYS_SOCKET, unix.SYS_SOCKETPAIR, unix.SYS_CONNECT, unix.SYS_BIND, unix.SYS_LISTEN, unix.SYS_SENDTO, unix.SYS_SENDMSG,
	unix.SYS_EXECVE, unix.SYS_EXECVEAT, unix.SYS_KILL, unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV,
	unix.SYS_PIDFD_OPEN, unix.SYS_PIDFD_SEND_SIGNAL,
	unix.SYS_OPENAT, unix.SYS_OPENAT2, unix.SYS_MKDIRAT, unix.SYS_UNLINKAT, unix.SYS_RENAMEAT2, unix.SYS_LINKAT,
	unix.SYS_SYMLINKAT, unix.SYS_FCHMODAT, unix.SYS_FCHOWNAT, unix.SYS_MKNODAT, unix.SYS_TRUNCATE,
	unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_CHROOT, unix.SYS_PIVOT_ROOT, unix.SYS_UNSHARE, unix.SYS_SETNS,
	unix.SYS_BPF, unix.SYS_IO_URING_SETUP, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD, unix.SYS_MEMFD_CREATE,
	unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_KEXEC_LOAD, unix.SYS_ADD_KEY, unix.SYS_KEYCTL,
}, forbiddenHere...)

// confine gives up new privileges and the forbidden system calls, for all threads and for good. It reports whether
// the platform did so; a platform that can't still has the other walls.
func confine() bool {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return false
	}
	filter := program()
	fprog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	const setModeFilter, threadSync = 1, 1
	// The thread that fails to synchronise is the result: anything but 0 means that nothing was installed.
	result, _, errno := unix.Syscall(unix.SYS_SECCOMP, setModeFilter, threadSync, uintptr(unsafe.Pointer(&fprog)))
	return errno == 0 && result == 0
}

// program is the filter: the wrong architecture ends the process, a forbidden call fails with EPERM.
func program() []unix.SockFilter {
	const (
		load      = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		jumpEqual = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		jumpFrom  = unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K
		leave     = unix.BPF_RET | unix.BPF_K
		number    = 0 // offsets in struct seccomp_data
		arch      = 4
		allow     = 0x7fff0000 // SECCOMP_RET_ALLOW
		kill      = 0x80000000 // SECCOMP_RET_KILL_PROCESS
		refuse    = 0x00050000 | uint32(unix.EPERM)
		x32       = 0x40000000 // the other numbering of amd64
	)
	filter := []unix.SockFilter{
		{Code: load, K: arch},
		{Code: jumpEqual, K: auditArch, Jt: 1},
		{Code: leave, K: kill},
		{Code: load, K: number},
		{Code: jumpFrom, K: x32, Jf: 1},
		{Code: leave, K: refuse},
	}
	for _, call := range forbidden {
		filter = append(filter,
			unix.SockFilter{Code: jumpEqual, K: call, Jf: 1},
			unix.SockFilter{Code: leave, K: refuse})
	}
	return append(filter, unix.SockFilter{Code: leave, K: allow})
}
