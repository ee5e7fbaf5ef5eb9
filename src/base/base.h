/*
 * base - what every room stands on
 *
 * Errors, bytes, limits, secrets, and the three tables through which the
 * outside world is reached: clock, entropy and file operations.  Tests replace
 * those tables; nothing else in the tree may call time(), getrandom() or open()
 * for data that must survive a crash.  Knows no format, protocol or device.
 *
 * All functions may be called from any thread as long as two threads do not
 * touch the same object, unless a comment says otherwise.
 */
#ifndef REHOME_BASE_H
#define REHOME_BASE_H

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/types.h>

/* ---- language ------------------------------------------------------------ */

/** CLEANUP(f) - run f(&variable) when the variable leaves its scope */
#define CLEANUP(f) __attribute__((cleanup(f)))

/** STEAL(p) - yield the pointer p and set p to NULL: ownership moves on */
#define STEAL(p)                             \
	({                                   \
		__typeof__(p) stolen_ = (p); \
		(p) = NULL;                  \
		stolen_;                     \
	})

#define ARRAY_COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define PRINTF_LIKE(fmt, first) __attribute__((format(printf, fmt, first)))

/** free_p - CLEANUP helper for malloc'ed pointers */
void free_p(void *pointer_to_pointer);
/** close_p - CLEANUP helper for descriptors; -1 is left alone */
void close_p(int *fd);

/* ---- errors -------------------------------------------------------------- */

/*
 * A function that can fail returns 0 (done), > 0 (an outcome that its comment
 * lists and its direct caller handles) or one of these.  Negative values travel
 * up unchanged; the command maps them to exit statuses (src/cli).
 */
enum err_code {
	ERR_IO = -1,           /* the system refused a file or socket operation */
	ERR_NO_MEMORY = -2,    /* malloc failed, here or in a library */
	ERR_PROTOCOL = -3,     /* the peer broke the protocol */
	ERR_CORRUPT = -4,      /* stored bytes are damaged, or a backup breaks its format */
	ERR_LIMIT = -5,        /* something from outside is larger than its limit */
	ERR_NOT_FOUND = -6,    /* what was named does not exist */
	ERR_EXISTS = -7,       /* it exists already and is not overwritten */
	ERR_POLICY = -8,       /* refused on purpose, for safety or by rule */
	ERR_USAGE = -9,        /* the caller's words make no sense */
	ERR_DEVICE = -10,      /* the device answered with an error, or is in the wrong state */
	ERR_TIMEOUT = -11,     /* a deadline passed */
	ERR_CANCELED = -12,    /* the user asked to stop */
	ERR_NO_SPACE = -13,    /* disk full, on either side; the text says which */
	ERR_PASSWORD = -14,    /* password missing or wrong */
	ERR_BUSY = -15,        /* another process or host holds it */
	ERR_UNSUPPORTED = -16, /* known, and left out on purpose */
	ERR_CLOSED = -17,      /* the peer hung up (cable, sleep, crash) */
};

enum { ERR_TEXT_MAX = 1024 };

/** struct err - a failure: code and a text; reporting needs no memory. Zero it with ERR_INIT. */
struct err {
	int code; /* enum err_code, or 0 */
	char text[ERR_TEXT_MAX];
};

#define ERR_INIT ((struct err){0})

/** err_set - record a failure; returns @code so that `return err_set(...)` reads well. @err may be
 * NULL. */
int err_set(struct err *err, int code, const char *format, ...) PRINTF_LIKE(3, 4);
/** err_set_errno - the same for a failed system call: adds strerror(@number); ENOSPC, EDQUOT become
 * ERR_NO_SPACE, ENOENT ERR_NOT_FOUND */
int err_set_errno(struct err *err, int number, const char *format, ...) PRINTF_LIKE(3, 4);
/** err_wrap - prepend what the caller was doing ("read pack 3: "), keep the code; returns @code */
int err_wrap(struct err *err, int code, const char *format, ...) PRINTF_LIKE(3, 4);
/** err_no_memory - ERR_NO_MEMORY with its text */
int err_no_memory(struct err *err);
/** err_code_name - "no space", "wrong password" ...: static text for @code */
const char *err_code_name(int code);

/* ---- bytes --------------------------------------------------------------- */

/** struct slice - borrowed bytes */
struct slice {
	const uint8_t *bytes;
	size_t len;
};

#define SLICE_EMPTY ((struct slice){NULL, 0})
/** slice_of - borrow @len bytes at @bytes */
static inline struct slice slice_of(const void *bytes, size_t len)
{
	return (struct slice){bytes, len};
}
/** slice_text - borrow a NUL-terminated text, without its NUL */
struct slice slice_text(const char *text);
/** slice_equal - same length and bytes (not constant time: never for secrets) */
bool slice_equal(struct slice a, struct slice b);

/**
 * struct buf - owned, growing bytes with a maximum
 *
 * Appending past @max fails with ERR_LIMIT and changes nothing.  BUF_INIT(max)
 * makes an empty one without allocating; buf_clear gives the memory back.
 */
struct buf {
	uint8_t *bytes;
	size_t len, cap, max;
};

#define BUF_INIT(max_len) ((struct buf){NULL, 0, 0, (max_len)})
/** buf_clear - give the memory back; empty afterwards, with the same maximum */
void buf_clear(struct buf *buf);
/** buf_wipe - buf_clear after overwriting the contents; memory that it outgrew is not reached */
void buf_wipe(struct buf *buf);
/** buf_truncate - shorten to @len bytes; keeps the memory */
void buf_truncate(struct buf *buf, size_t len);
/*
 * Appending: all of it, or nothing.  Returns 0, ERR_LIMIT, ERR_NO_MEMORY.  What is appended is
 * borrowed for the call and does not lie in @buf itself; texts go without their NUL.
 */
int buf_append(struct buf *buf, const void *bytes, size_t len, struct err *err);
int buf_append_slice(struct buf *buf, struct slice slice, struct err *err);
int buf_append_u8(struct buf *buf, uint8_t value, struct err *err);
int buf_append_u32be(struct buf *buf, uint32_t value, struct err *err);
int buf_append_u32le(struct buf *buf, uint32_t value, struct err *err);
int buf_append_u64be(struct buf *buf, uint64_t value, struct err *err);
int buf_append_u64le(struct buf *buf, uint64_t value, struct err *err);
int buf_append_text(struct buf *buf, const char *text, struct err *err);
int buf_append_format(struct buf *buf, struct err *err, const char *format, ...) PRINTF_LIKE(3, 4);
/** buf_reserve - room for @len more bytes at buf->bytes + buf->len; 0, ERR_LIMIT, ERR_NO_MEMORY */
int buf_reserve(struct buf *buf, size_t len, struct err *err);
/** buf_text - the contents as a NUL-terminated text (the NUL is not counted); "" on failure to
 * allocate; borrowed until @buf changes */
const char *buf_text(struct buf *buf);
/** buf_slice - borrow the contents until @buf changes */
static inline struct slice buf_slice(const struct buf *buf)
{
	return (struct slice){buf->bytes, buf->len};
}

/**
 * struct reader - a cursor over borrowed bytes
 *
 * Every read moves past what it took and returns true; or there was too little: then it returns
 * false, and neither the cursor nor *@value has changed.
 */
struct reader {
	const uint8_t *at;
	size_t left;
};

/** reader_of - at the first byte of @slice */
static inline struct reader reader_of(struct slice slice)
{
	return (struct reader){slice.bytes, slice.len};
}
bool reader_u8(struct reader *in, uint8_t *value);
bool reader_u32be(struct reader *in, uint32_t *value);
bool reader_u16le(struct reader *in, uint16_t *value);
bool reader_u32le(struct reader *in, uint32_t *value);
bool reader_u64le(struct reader *in, uint64_t *value);
/** reader_slice - borrow the next @len bytes */
bool reader_slice(struct reader *in, size_t len, struct slice *value);
bool reader_skip(struct reader *in, size_t len);

/* numbers of 4 or 8 bytes at @at, which need not be aligned */
uint32_t get_u32be(const uint8_t *at);
uint32_t get_u32le(const uint8_t *at);
uint64_t get_u64be(const uint8_t *at);
uint64_t get_u64le(const uint8_t *at);
void put_u32be(uint8_t *at, uint32_t value);
void put_u32le(uint8_t *at, uint32_t value);
void put_u64be(uint8_t *at, uint64_t value);
void put_u64le(uint8_t *at, uint64_t value);

/* ---- secrets ------------------------------------------------------------- */

enum { SECRET_LEN_MAX = 1024 };

/** struct secret - a password or key; wipes itself, is never printed. SECRET_INIT, secret_clear. */
struct secret {
	uint8_t bytes[SECRET_LEN_MAX];
	size_t len;
};

#define SECRET_INIT ((struct secret){.len = 0})
/** secret_clear - wipe; empty afterwards */
void secret_clear(struct secret *secret);
/** secret_set - copy @slice, which lies outside of @secret; ERR_LIMIT above SECRET_LEN_MAX bytes */
int secret_set(struct secret *secret, struct slice slice, struct err *err);
/** secret_slice - borrow the bytes until @secret changes */
static inline struct slice secret_slice(const struct secret *secret)
{
	return (struct slice){secret->bytes, secret->len};
}
/** secret_read_file - first line of @path, without its end (LF or CR LF); ERR_PASSWORD if empty,
 * ERR_LIMIT if it does not end within SECRET_LEN_MAX bytes; texts name @path */
int secret_read_file(struct secret *secret, const char *path, struct err *err);

/* ---- text ---------------------------------------------------------------- */

/** hex_digit_value - 0 to 15 (either case), or -1 if @c is no hex digit */
int hex_digit_value(char c);
/** hex_encode - lower-case hex of @len bytes and a NUL into @out (2 * len + 1 bytes) */
void hex_encode(const uint8_t *bytes, size_t len, char *out);
/** hex_decode - @text of exactly 2 * @len hex digits (either case); false otherwise */
bool hex_decode(const char *text, uint8_t *out, size_t len);
/** uuid_format - 16 bytes as upper-case 8-4-4-4-12 and a NUL (37 bytes) */
void uuid_format(const uint8_t uuid[16], char out[37]);
/** size_format - "1.4 GB" for people, in powers of 1000; returns @out */
const char *size_format(uint64_t bytes, char out[16]);
/** time_format_utc - seconds since 1970 as 2026-11-01T08:00:00Z, or "unknown" outside of the years
 * 0 to 9999; returns @out */
const char *time_format_utc(int64_t seconds, char out[21]);
/** time_parse_utc - the inverse; ERR_USAGE unless @text is exactly what time_format_utc writes */
int time_parse_utc(const char *text, int64_t *seconds, struct err *err);

/**
 * path_check_relative - is @path (@len bytes) safe to use beneath a folder?
 *
 * Refuses: empty, over PATH_LEN_MAX bytes, a NUL inside, absolute, an empty,
 * "." or ".." component.  Returns 0 or ERR_PROTOCOL with the reason (the name is
 * quoted with unprintable bytes escaped and cut to 80 bytes).
 */
enum { PATH_LEN_MAX = 1023, PATH_COMPONENT_MAX = 255 };
int path_check_relative(const char *path, size_t len, struct err *err);
/** text_quote - @len bytes for an error text, in quotes: unprintables as \xNN, cut to 80 bytes;
 * returns @out */
const char *text_quote(const char *text, size_t len, char out[400]);
/** utf8_next - length of the one well-formed sequence (RFC 3629: shortest form, no surrogates, NUL
 * allowed) at @at, its code point in *@code; 0 if the @left > 0 bytes do not begin with one */
size_t utf8_next(const uint8_t *at, size_t left, uint32_t *code);
/** text_is_utf8 - well-formed UTF-8 without NUL? */
bool text_is_utf8(const char *text, size_t len);

/* ---- reserved identities -------------------------------------------------- */

/*
 * Simulated devices take their identity from a range that no real device has: UDIDs of a
 * chip id that was never made ("0000FE5A-" + 16 upper-case hex digits) and serial numbers "RHSIM" +
 * 7 characters (letters and digits; real ones never hold an I or an O).  A target counts as
 * simulated only if both hold.
 */
/** udid_is_reserved - of that chip id? With or without the dash, either case */
bool udid_is_reserved(const char *udid);
/** serial_is_reserved - of that form? Upper case only */
bool serial_is_reserved(const char *serial);

/* ---- the outside world, as tables ---------------------------------------- */

/** struct clock - wall time (ns since 1970, UTC), monotonic time (ns), and waiting */
struct clock {
	int64_t (*wall_ns)(struct clock *clock);
	int64_t (*mono_ns)(struct clock *clock);
	void (*sleep_ms)(struct clock *clock, int64_t ms);
};
/** clock_system - the kernel's; static, for any thread */
struct clock *clock_system(void);
/** struct clock_manual - for tests: time stands still until told; sleeping moves it */
struct clock_manual {
	struct clock clock;
	int64_t wall_ns, mono_ns;
};
/** clock_manual_init - stands at @wall_seconds since 1970, monotonic time at 0 */
void clock_manual_init(struct clock_manual *manual, int64_t wall_seconds);
/** clock_wall_seconds, clock_mono_ms - the two times in coarser units, rounded down */
static inline int64_t clock_wall_seconds(struct clock *clock)
{
	return clock->wall_ns(clock) / 1000000000;
}
static inline int64_t clock_mono_ms(struct clock *clock)
{
	return clock->mono_ns(clock) / 1000000;
}

/** struct entropy - random bytes: @fill writes @len of them, or returns ERR_IO */
struct entropy {
	int (*fill)(struct entropy *entropy, void *bytes, size_t len, struct err *err);
};
/** entropy_system - the kernel's, fit for keys; static, for any thread */
struct entropy *entropy_system(void);
/** splitmix64 - the next number of the stream that *@state names (Steele, Lea, Flood: "Fast
 * splittable pseudorandom number generators"); reproducible, never for secrets */
uint64_t splitmix64(uint64_t *state);
/** struct entropy_seeded - for tests: a reproducible, non-secret stream */
struct entropy_seeded {
	struct entropy entropy;
	uint64_t state;
};
/** entropy_seeded_init - the same @seed gives the same bytes */
void entropy_seeded_init(struct entropy_seeded *seeded, uint64_t seed);

/** struct cancel - set from a signal handler or another thread; long work polls it */
struct cancel {
	_Atomic sig_atomic_t is_requested; /* lock-free, as a signal handler needs it */
	int wake_fd;                       /* becomes readable on request, -1 if there is none */
};
/** cancel_check - ERR_CANCELED once requested, else 0; @cancel may be NULL */
int cancel_check(const struct cancel *cancel, struct err *err);

/**
 * struct fs - file operations that must survive a crash
 *
 * Each returns >= 0, or -errno.  @path may be absolute or relative to the
 * process.  fs_fault and fs_record (tests) wrap another table.  A table may be used from several
 * threads at once.  dir_sync makes names in a folder durable.
 */
struct fs {
	int (*open)(struct fs *fs, const char *path, int flags, mode_t mode);
	ssize_t (*pread)(struct fs *fs, int fd, void *bytes, size_t len, uint64_t offset);
	ssize_t (*pwrite)(struct fs *fs, int fd, const void *bytes, size_t len, uint64_t offset);
	int (*truncate)(struct fs *fs, int fd, uint64_t len);
	int (*sync)(struct fs *fs, int fd); /* fdatasync */
	int (*dir_sync)(struct fs *fs, const char *path);
	int (*close)(struct fs *fs, int fd);
	int (*rename)(struct fs *fs, const char *from, const char *to);
	int (*rename_new)(struct fs *fs, const char *from,
			  const char *to); /* -EEXIST if @to exists */
	int (*unlink)(struct fs *fs, const char *path);
	int (*mkdir)(struct fs *fs, const char *path, mode_t mode);
	int (*rmdir)(struct fs *fs, const char *path);
	int (*stat)(struct fs *fs, const char *path, struct stat *st); /* lstat */
	/* calls @each for every name but . and .., in no order; stops when it returns non-zero and
	 * returns that */
	int (*list)(struct fs *fs, const char *path, int (*each)(void *arg, const char *name),
		    void *arg);
	/* exclusive advisory lock that dies with the process; -EWOULDBLOCK if held */
	int (*lock)(struct fs *fs, int fd, bool is_exclusive);
};
/** fs_system - the kernel's; static */
struct fs *fs_system(void);

/*
 * Whole-file helpers over a table.  A system's refusal is what err_set_errno makes of it; texts of
 * the helpers that take a path name it.
 */
/** fs_read_file - append the contents of @path (no symlink) to @out, whose maximum is the limit;
 * on failure @out is as before */
int fs_read_file(struct fs *fs, const char *path, struct buf *out, struct err *err);
/** fs_write_synced - the file at @path made or replaced in place, and synced; not its folder. The
 * text of @err does not name it. */
int fs_write_synced(struct fs *fs, const char *path, struct slice bytes, mode_t mode,
		    struct err *err);
/** fs_write_file - temporary name, write, sync, rename, sync of the folder; mode 0600 unless @mode
 * is given (non-zero) */
int fs_write_file(struct fs *fs, const char *path, struct slice bytes, mode_t mode,
		  struct err *err);
/** fs_write_new - the same for a name that is free; ERR_EXISTS, of several writers for all but one
 */
int fs_write_new(struct fs *fs, const char *path, struct slice bytes, mode_t mode, struct err *err);
/** fs_pread_all - exactly @len bytes; ERR_CORRUPT at an early end */
int fs_pread_all(struct fs *fs, int fd, void *bytes, size_t len, uint64_t offset, struct err *err);
/** fs_pwrite_all - all @len bytes; on failure an unknown part of them is there */
int fs_pwrite_all(struct fs *fs, int fd, const void *bytes, size_t len, uint64_t offset,
		  struct err *err);
/** fs_mkdirs - the folder and its parents; existing ones are fine, ERR_EXISTS if @path is none */
int fs_mkdirs(struct fs *fs, const char *path, mode_t mode, struct err *err);
/** fs_remove_tree - a file, or a folder and all below it (64 levels, else ERR_LIMIT); absent is
 * fine, symlinks are not followed */
int fs_remove_tree(struct fs *fs, const char *path, struct err *err);

/**
 * struct fs_fault - fails what it is told to, passes the rest on
 * @countdown: mutating operations (open for creation, pwrite, truncate, sync, dir_sync,
 *   rename, unlink, mkdir) until the failure; negative = never
 * @is_sticky: fail every later one too (a disk that stays full)
 */
struct fs_fault {
	struct fs fs;
	struct fs *under;
	int64_t countdown;
	int fail_errno;
	bool is_sticky, has_fired;
	uint64_t seen; /* mutating operations so far */
};
/** fs_fault_init - over @under, which is borrowed; what fails returns -@fail_errno */
void fs_fault_init(struct fs_fault *fault, struct fs *under, int64_t countdown, int fail_errno,
		   bool is_sticky);

/**
 * struct fs_record - passes everything on beneath @root and writes a journal of it
 *
 * The journal is replayed by fs_replay: the first @count operations, with what
 * was not synced dropped or torn (seeded), and names that no dir_sync covered undone
 * or kept (seeded).  See tests/e2e/test_power_loss.py.
 */
struct fs_record;
/** fs_record_new - over @under, which is borrowed; paths are used as they are, so @root is spelled
 * as the program under test spells it. ERR_LIMIT, ERR_NO_MEMORY */
int fs_record_new(struct fs_record **out, struct fs *under, const char *root, struct err *err);
/** fs_record_free - with its journal; NULL is fine */
void fs_record_free(struct fs_record *record);
/** fs_record_fs - the table to hand to the program under test; lives as long as @record */
struct fs *fs_record_fs(struct fs_record *record);
/** fs_record_count - operations in the journal so far */
size_t fs_record_count(const struct fs_record *record);
/** fs_replay - build in @into (an empty folder) what could be on the disk had power failed after
 * operation @count */
int fs_replay(const struct fs_record *record, size_t count, uint64_t seed, const char *into,
	      struct err *err);

/* ---- sources of bytes with random access --------------------------------- */

/**
 * struct source - something that can be read at an offset: a file, a file in a
 * snapshot, a decrypting view of either.  @read returns bytes read (short only at the end)
 * or a failure; @close frees the source itself.  One thread at a time.
 */
struct source {
	uint64_t len;
	ssize_t (*read)(struct source *source, uint64_t offset, void *bytes, size_t len,
			struct err *err);
	void (*close)(struct source *source);
};
/** source_close_p - for CLEANUP; NULL is fine */
void source_close_p(struct source **source);
/** source_file_open - a regular file, read-only, no symlink followed in the last component;
 * ERR_CORRUPT if it is not regular */
int source_file_open(struct source **out, const char *path, struct err *err);
/** source_fd_open - over a descriptor of @len bytes, which is taken over (on failure closed) */
int source_fd_open(struct source **out, int fd, uint64_t len, struct err *err);
/** source_bytes_open - a copy of @bytes */
int source_bytes_open(struct source **out, struct slice bytes, struct err *err);
/** source_read_exactly - @len bytes from @offset; ERR_CORRUPT if it ends before */
int source_read_exactly(struct source *source, uint64_t offset, void *bytes, size_t len,
			struct err *err);
/** source_read_all - append everything to @out (whose max is the limit); ERR_CORRUPT if it ends
 * early. On failure @out is as before */
int source_read_all(struct source *source, struct buf *out, struct err *err);

/* ---- progress ------------------------------------------------------------- */

/** struct progress_state - what a long run says of itself; zero = not known */
struct progress_state {
	const char *phase; /* "waiting for the passcode on Anna's iPad", "receiving", static or
			      outliving the call */
	uint64_t bytes, bytes_total;
	uint64_t files, files_total;
	double device_percent; /* what the device claims, 0..100 */
};
/** struct progress - called often: the receiver limits its own rate. From any thread of the run,
 * never two at once. */
struct progress {
	void (*report)(struct progress *progress, const struct progress_state *state);
	void (*note)(struct progress *progress, const char *text); /* a line worth keeping */
};
/** progress_report - hand on @state; a NULL @progress, or one that does not listen, is fine */
void progress_report(struct progress *progress, const struct progress_state *state);
/** progress_note - the same for a line of at most ERR_TEXT_MAX - 1 bytes */
void progress_note(struct progress *progress, const char *format, ...) PRINTF_LIKE(2, 3);

/* ---- log -------------------------------------------------------------------- */

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };
/** log_level_set - the lowest level that is logged from now on, LOG_WARNING before; once, at the
 * start of a process or before its threads */
void log_level_set(enum log_level level);
/** log_event - "level event key=value ..." as a line to stderr; never secrets */
void log_event(enum log_level level, const char *event, const char *format, ...) PRINTF_LIKE(3, 4);

#endif
