/* Watches the calls that change files below one folder, for the tortures: loaded by LD_PRELOAD.
 *
 * The n-th of these calls can be the last one (the process is killed before it, or in the middle of
 * a write), or the first that fails with an error number, as all later ones then do. All calls that
 * succeed can be written to a log: kind, path, second path, offset, length, data.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

enum { PATH_BYTES = 1024, FILES = 1024 };
enum action { COUNT, KILL, TEAR, FAIL };

static char folder[PATH_BYTES];
static size_t folder_bytes;
static int is_armed, log_file = -1, error_number;
static enum action action;
static long n_calls, turn;
static char paths[FILES][PATH_BYTES]; /* of open files below the folder, and of itself */

void torture_arm(const char *path, int log, int what, long when, int error) {
    snprintf(folder, sizeof folder, "%s/", path);
    folder_bytes = strlen(folder);
    log_file = log, action = what, turn = when, error_number = error;
    n_calls = 0, is_armed = 1;
}

long torture_disarm(void) {
    is_armed = 0;
    return n_calls;
}

static int is_inside(const char *path) {
    return is_armed && path && (strncmp(path, folder, folder_bytes) == 0 ||
                                (strlen(path) + 1 == folder_bytes &&
                                 strncmp(path, folder, folder_bytes - 1) == 0));
}

static const char *path_of(int file) {
    return is_armed && file >= 0 && file < FILES && paths[file][0] ? paths[file] : NULL;
}

/* The full path of a name in an open folder. */
static const char *full(int at, const char *path, char *buffer) {
    const char *parent = path && path[0] != '/' ? path_of(at) : NULL;
    if (!parent) return path;
    snprintf(buffer, PATH_BYTES, "%s/%s", parent, path);
    return buffer;
}

static void note(char kind, const char *path, const char *to, uint64_t offset, const void *data,
                 uint64_t n_bytes) {
    if (log_file < 0) return;
    uint32_t head[2] = {(uint32_t)strlen(path), to ? (uint32_t)strlen(to) : 0};
    uint64_t numbers[2] = {offset, n_bytes};
    syscall(SYS_write, log_file, &kind, 1);
    syscall(SYS_write, log_file, head, sizeof head);
    syscall(SYS_write, log_file, numbers, sizeof numbers);
    syscall(SYS_write, log_file, path, head[0]);
    if (to) syscall(SYS_write, log_file, to, head[1]);
    if (data) syscall(SYS_write, log_file, data, n_bytes);
}

static void die(void) {
    syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
    for (;;) pause();
}

/* Counts a call. Returns whether it must fail; errno is set then. Removing a name needs no space:
 * it never fails. */
static int must_fail_to(char kind) {
    n_calls++;
    if (action == KILL && n_calls == turn) die();
    if (action != FAIL || n_calls < turn || kind == 'u') return 0;
    errno = error_number;
    return 1;
}

static int must_fail(void) { return must_fail_to(0); }

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define OPENED(name, at, ...)                                                                 \
    char buffer[PATH_BYTES];                                                                  \
    mode_t mode = 0;                                                                          \
    if (flags & (O_CREAT | O_TMPFILE)) {                                                      \
        va_list rest;                                                                         \
        va_start(rest, flags);                                                                \
        mode = va_arg(rest, mode_t);                                                          \
        va_end(rest);                                                                         \
    }                                                                                         \
    const char *whole = full(at, path, buffer);                                               \
    int is_ours = is_inside(whole), is_new = is_ours && (flags & O_CREAT) && access(whole, F_OK); \
    if (is_new && must_fail()) return -1;                                                     \
    int file = NEXT(name)(__VA_ARGS__, flags, mode);                                          \
    if (file >= 0 && is_new) note('c', whole, NULL, 0, NULL, 0);                              \
    if (file >= 0 && is_ours && !is_new && (flags & O_TRUNC)) note('t', whole, NULL, 0, NULL, 0); \
    if (file >= 0 && file < FILES) snprintf(paths[file], PATH_BYTES, "%s", is_ours ? whole : ""); \
    return file;

int open(const char *path, int flags, ...) { OPENED(open, AT_FDCWD, path) }
int open64(const char *path, int flags, ...) { OPENED(open64, AT_FDCWD, path) }
int openat(int at, const char *path, int flags, ...) { OPENED(openat, at, at, path) }
int openat64(int at, const char *path, int flags, ...) { OPENED(openat64, at, at, path) }

int close(int file) {
    if (file >= 0 && file < FILES) paths[file][0] = 0;
    return NEXT(close)(file);
}

/* Half of the write, then the end. */
#define TORN(write_half)                        \
    if (action == TEAR && n_calls + 1 == turn) { \
        if (n_bytes > 1) write_half;            \
        die();                                  \
    }

#define WRITES_AT(name)                                                                \
    ssize_t name(int file, const void *data, size_t n_bytes, off64_t offset) {         \
        const char *path = path_of(file);                                              \
        if (!path) return NEXT(name)(file, data, n_bytes, offset);                     \
        TORN(NEXT(name)(file, data, n_bytes / 2, offset))                              \
        if (must_fail()) return -1;                                                    \
        ssize_t written = NEXT(name)(file, data, n_bytes, offset);                     \
        if (written > 0) note('w', path, NULL, offset, data, written);                 \
        return written;                                                                \
    }
WRITES_AT(pwrite)
WRITES_AT(pwrite64)

ssize_t write(int file, const void *data, size_t n_bytes) {
    const char *path = path_of(file);
    if (!path) return NEXT(write)(file, data, n_bytes);
    off_t offset = lseek(file, 0, SEEK_CUR);
    TORN(NEXT(write)(file, data, n_bytes / 2))
    if (must_fail()) return -1;
    ssize_t written = NEXT(write)(file, data, n_bytes);
    if (written > 0) note('w', path, NULL, offset, data, written);
    return written;
}

/* A simulated disk keeps the log: the real one need not write. */
#define SYNCS(name)                                  \
    int name(int file) {                             \
        const char *path = path_of(file);            \
        if (!path) return NEXT(name)(file);          \
        if (must_fail()) return -1;                  \
        note('s', path, NULL, 0, NULL, 0);           \
        return 0;                                    \
    }
SYNCS(fsync)
SYNCS(fdatasync)

#define TRUNCATES(name)                                          \
    int name(int file, off64_t n_bytes) {                        \
        const char *path = path_of(file);                        \
        if (!path) return NEXT(name)(file, n_bytes);             \
        if (must_fail()) return -1;                              \
        int failed = NEXT(name)(file, n_bytes);                  \
        if (!failed) note('t', path, NULL, n_bytes, NULL, 0);    \
        return failed;                                           \
    }
TRUNCATES(ftruncate)
TRUNCATES(ftruncate64)

#define CHANGES_A_NAME(name, kind, at, from, to_at, to, parameters, arguments)    \
    int name parameters {                                                         \
        char first[PATH_BYTES], second[PATH_BYTES];                               \
        const char *a = full(at, from, first), *b = full(to_at, to, second);      \
        if (!is_inside(a) && !is_inside(b)) return NEXT(name) arguments;          \
        if (must_fail_to(kind)) return -1;                                        \
        int failed = NEXT(name) arguments;                                        \
        if (!failed) note(kind, a, b, 0, NULL, 0);                                \
        return failed;                                                            \
    }
CHANGES_A_NAME(unlink, 'u', AT_FDCWD, path, AT_FDCWD, NULL, (const char *path), (path))
CHANGES_A_NAME(unlinkat, 'u', at, path, at, NULL, (int at, const char *path, int flags),
               (at, path, flags))
CHANGES_A_NAME(rename, 'r', AT_FDCWD, from, AT_FDCWD, to, (const char *from, const char *to),
               (from, to))
CHANGES_A_NAME(renameat, 'r', at, from, to_at, to,
               (int at, const char *from, int to_at, const char *to), (at, from, to_at, to))
CHANGES_A_NAME(link, 'l', AT_FDCWD, from, AT_FDCWD, to, (const char *from, const char *to),
               (from, to))
CHANGES_A_NAME(linkat, 'l', at, from, to_at, to,
               (int at, const char *from, int to_at, const char *to, int flags),
               (at, from, to_at, to, flags))
