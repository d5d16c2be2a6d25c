/*
 * Loaded before a daemon (LD_PRELOAD), writes down everything that it does to its state folder, every byte that it
 * sends over a socket and every line that it logs, in one order. tests/power.rs builds from it what a power cut at
 * any moment could have left on the disk.
 *
 *   POWER_STATE  the folder; only paths below it are looked at
 *   POWER_LOG    the file that the record is appended to; several daemons, one after the other, may share it
 *
 * One lock is held from before each call until it is written down, so that the record's order is the order in which
 * things happened. A record is packed, little-endian:
 *
 *   u8 what, i32 descriptor, u64 number, u64 length of what follows, and that
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum what {
    STARTED = 'S',   /* a process begins: descriptors of the last one are gone */
    OPENED = 'O',    /* number: flags; the path */
    CLOSED = 'C',
    WROTE = 'W',     /* number: offset; the bytes */
    CUT = 'T',       /* number: the file's length from now on */
    SYNCED = 'F',    /* of a file or folder */
    RENAMED = 'R',   /* both paths, a zero byte between them */
    REMOVED = 'U',   /* a file or an empty folder */
    FOLDER = 'M',    /* the path of a folder that was made */
    SENT = 'N',      /* bytes that left through a socket */
    SAID = 'E',      /* bytes on stderr */
    UNKNOWN = '?',   /* something that the record cannot show; its name */
};

#define FILES 4096
#define BELOW 1
#define TALKS 2

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned char known[FILES];
static char state[4096];
static size_t state_length;
static int out = -1;

static void put(enum what what, int fd, uint64_t number, const void *bytes, size_t length) {
    struct __attribute__((packed)) {
        uint8_t what;
        int32_t fd;
        uint64_t number;
        uint64_t length;
    } head = {(uint8_t)what, fd, number, length};
    struct iovec parts[2] = {{&head, sizeof head}, {(void *)bytes, length}};
    size_t left = sizeof head + length;
    int before = errno;
    while (left > 0) {
        ssize_t done = syscall(SYS_writev, out, parts, 2);
        if (done < 0) {
            if (errno == EINTR) continue;
            abort(); /* a record with a hole proves nothing */
        }
        left -= (size_t)done;
        for (int part = 0; part < 2; part++) {
            size_t of_it = (size_t)done < parts[part].iov_len ? (size_t)done : parts[part].iov_len;
            parts[part].iov_base = (char *)parts[part].iov_base + of_it;
            parts[part].iov_len -= of_it;
            done -= (ssize_t)of_it;
        }
    }
    errno = before;
}

#define REAL(name) ((__typeof__(&name))real(#name))
static void *real(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (!found) abort();
    return found;
}

__attribute__((constructor)) static void begin(void) {
    const char *folder = getenv("POWER_STATE"), *path = getenv("POWER_LOG");
    if (!folder || !path || strlen(folder) >= sizeof state) return;
    strcpy(state, folder);
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) abort();
    /* High up, where no program expects a descriptor to be free or taken. */
    out = (int)syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 900);
    syscall(SYS_close, fd);
    if (out < 0) abort();
    state_length = strlen(state);
    put(STARTED, 0, 0, state, state_length);
}

static int below(const char *path) {
    return out >= 0 && path && strncmp(path, state, state_length) == 0 &&
           (path[state_length] == '/' || path[state_length] == 0);
}

static int on(int fd, unsigned char kind) { return out >= 0 && fd >= 0 && fd < FILES && known[fd] & kind; }

static int talks(int fd) {
    struct stat is;
    int before = errno, yes;
    if (out < 0 || fd < 0 || fd >= FILES) return 0;
    yes = syscall(SYS_newfstatat, fd, "", &is, AT_EMPTY_PATH) == 0 && S_ISSOCK(is.st_mode);
    errno = before;
    return yes;
}

static int opened(int fd, const char *path, int flags) {
    if (fd >= 0 && below(path)) {
        if (fd >= FILES) abort();
        known[fd] = BELOW;
        put(OPENED, fd, (uint64_t)(uint32_t)flags, path, strlen(path));
    }
    return fd;
}

#define MODE(flags)                                   \
    mode_t mode = 0;                                  \
    if ((flags) & (O_CREAT | O_TMPFILE)) {            \
        va_list more;                                 \
        va_start(more, flags);                        \
        mode = (mode_t)va_arg(more, int);             \
        va_end(more);                                 \
    }

#define LOCKED(type, call)             \
    pthread_mutex_lock(&lock);         \
    type result = (call);

#define DONE                           \
    pthread_mutex_unlock(&lock);       \
    return result;

int open(const char *path, int flags, ...) {
    MODE(flags)
    LOCKED(int, opened(REAL(open)(path, flags, mode), path, flags))
    DONE
}

int open64(const char *path, int flags, ...) {
    MODE(flags)
    LOCKED(int, opened(REAL(open64)(path, flags, mode), path, flags))
    DONE
}

int openat(int at, const char *path, int flags, ...) {
    MODE(flags)
    LOCKED(int, opened(REAL(openat)(at, path, flags, mode), path, flags))
    DONE
}

int openat64(int at, const char *path, int flags, ...) {
    MODE(flags)
    LOCKED(int, opened(REAL(openat64)(at, path, flags, mode), path, flags))
    DONE
}

int creat(const char *path, mode_t mode) { return open(path, O_WRONLY | O_CREAT | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return open64(path, O_WRONLY | O_CREAT | O_TRUNC, mode); }

int close(int fd) {
    /* Let go of before it is closed: another thread may get the same number at once. */
    pthread_mutex_lock(&lock);
    if (on(fd, BELOW | TALKS)) {
        known[fd] = 0;
        put(CLOSED, fd, 0, "", 0);
    }
    int result = REAL(close)(fd);
    DONE
}

/* Where the next write of a descriptor goes. */
static uint64_t place(int fd) {
    struct stat is;
    if (syscall(SYS_fcntl, fd, F_GETFL) & O_APPEND)
        return syscall(SYS_newfstatat, fd, "", &is, AT_EMPTY_PATH) == 0 ? (uint64_t)is.st_size : 0;
    return (uint64_t)syscall(SYS_lseek, fd, 0, SEEK_CUR);
}

/* What went out of several pieces, as one record. */
static void pieces(enum what what, int fd, uint64_t number, const struct iovec *parts, int count, ssize_t done) {
    char *joined = malloc((size_t)done);
    size_t at = 0;
    if (!joined) abort();
    for (int part = 0; part < count && at < (size_t)done; part++) {
        size_t rest = (size_t)done - at, of_it = parts[part].iov_len < rest ? parts[part].iov_len : rest;
        memcpy(joined + at, parts[part].iov_base, of_it);
        at += of_it;
    }
    put(what, fd, number, joined, at);
    free(joined);
}

static void sent(int fd, const void *bytes, ssize_t done) {
    if (done > 0 && talks(fd)) {
        known[fd] = TALKS;
        put(SENT, fd, 0, bytes, (size_t)done);
    }
}

ssize_t write(int fd, const void *bytes, size_t length) {
    pthread_mutex_lock(&lock);
    uint64_t at = on(fd, BELOW) ? place(fd) : 0;
    ssize_t result = REAL(write)(fd, bytes, length);
    if (result > 0 && out >= 0) {
        if (fd == 2) put(SAID, fd, 0, bytes, (size_t)result);
        else if (on(fd, BELOW)) put(WROTE, fd, at, bytes, (size_t)result);
        else sent(fd, bytes, result);
    }
    DONE
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    pthread_mutex_lock(&lock);
    uint64_t at = on(fd, BELOW) ? place(fd) : 0;
    ssize_t result = REAL(writev)(fd, parts, count);
    if (result > 0 && out >= 0) {
        if (fd == 2) pieces(SAID, fd, 0, parts, count, result);
        else if (on(fd, BELOW)) pieces(WROTE, fd, at, parts, count, result);
        else if (talks(fd)) {
            known[fd] = TALKS;
            pieces(SENT, fd, 0, parts, count, result);
        }
    }
    DONE
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) {
    LOCKED(ssize_t, REAL(pwrite64)(fd, bytes, length, at))
    if (result > 0 && on(fd, BELOW)) put(WROTE, fd, (uint64_t)at, bytes, (size_t)result);
    DONE
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) { return pwrite64(fd, bytes, length, at); }

ssize_t send(int fd, const void *bytes, size_t length, int flags) {
    LOCKED(ssize_t, REAL(send)(fd, bytes, length, flags))
    sent(fd, bytes, result);
    DONE
}

ssize_t sendto(int fd, const void *bytes, size_t length, int flags, const struct sockaddr *to, socklen_t size) {
    LOCKED(ssize_t, REAL(sendto)(fd, bytes, length, flags, to, size))
    sent(fd, bytes, result);
    DONE
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    LOCKED(ssize_t, REAL(sendmsg)(fd, message, flags))
    if (result > 0 && talks(fd)) {
        known[fd] = TALKS;
        pieces(SENT, fd, 0, message->msg_iov, (int)message->msg_iovlen, result);
    }
    DONE
}

int ftruncate64(int fd, off64_t length) {
    LOCKED(int, REAL(ftruncate64)(fd, length))
    if (result == 0 && on(fd, BELOW)) put(CUT, fd, (uint64_t)length, "", 0);
    DONE
}

int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

int fsync(int fd) {
    LOCKED(int, REAL(fsync)(fd))
    if (result == 0 && on(fd, BELOW)) put(SYNCED, fd, 0, "", 0);
    DONE
}

int fdatasync(int fd) {
    LOCKED(int, REAL(fdatasync)(fd))
    /* With the data and the length; that it leaves the times alone is nothing to us. */
    if (result == 0 && on(fd, BELOW)) put(SYNCED, fd, 0, "", 0);
    DONE
}

/* sync_file_range is no sync: neither the file's length nor the disk's own cache is cared for (sync_file_range(2)). */

int rename(const char *from, const char *to) {
    LOCKED(int, REAL(rename)(from, to))
    if (result == 0 && (below(from) || below(to))) {
        size_t length = strlen(from) + 1 + strlen(to);
        char *both = malloc(length + 1);
        if (!both) abort();
        strcpy(both, from);
        strcpy(both + strlen(from) + 1, to);
        put(RENAMED, 0, 0, both, length);
        free(both);
    }
    DONE
}

static void removed(int result, const char *path) {
    if (result == 0 && below(path)) put(REMOVED, 0, 0, path, strlen(path));
}

int unlink(const char *path) {
    LOCKED(int, REAL(unlink)(path))
    removed(result, path);
    DONE
}

int unlinkat(int at, const char *path, int flags) {
    LOCKED(int, REAL(unlinkat)(at, path, flags))
    removed(result, path);
    DONE
}

int rmdir(const char *path) {
    LOCKED(int, REAL(rmdir)(path))
    removed(result, path);
    DONE
}

int mkdir(const char *path, mode_t mode) {
    LOCKED(int, REAL(mkdir)(path, mode))
    if (result == 0 && below(path)) put(FOLDER, 0, 0, path, strlen(path));
    DONE
}

/* Ways to change a file that nobody took so far: whoever begins to must teach them to this record first. */

void *mmap(void *where, size_t length, int protection, int flags, int fd, off_t at) {
    if (on(fd, BELOW) && protection & PROT_WRITE && flags & MAP_SHARED) put(UNKNOWN, fd, 0, "mmap", 4);
    return (void *)syscall(SYS_mmap, where, length, protection, flags, fd, at);
}

ssize_t copy_file_range(int in, off64_t *from, int fd, off64_t *to, size_t length, unsigned flags) {
    if (on(fd, BELOW)) put(UNKNOWN, fd, 0, "copy_file_range", 15);
    return syscall(SYS_copy_file_range, in, from, fd, to, length, flags);
}

int fallocate64(int fd, int mode, off64_t at, off64_t length) {
    if (on(fd, BELOW)) put(UNKNOWN, fd, 0, "fallocate", 9);
    return (int)syscall(SYS_fallocate, fd, mode, at, length);
}
