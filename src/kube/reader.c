/* SPDX-License-Identifier: Apache-2.0
 *
 * The happy path: open, chunks through the splitter, each object decoded and put. A typed list may
 * tell its kind after its items: then that document is read a second time, with the kind known.
 */
#include "reader.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/counter.h"
#include "split.h"

/* One reading of a file. */
struct reading {
	struct reader *reader;
	struct store_owner *owner;
	struct reader_result *result;
	struct object object; /* scratch */
	struct text why;      /* scratch */
	int fd;
	bool is_quiet;
	bool is_second;	   /* of a document; items that told their kind are put again, which changes
			      nothing */
	bool has_untyped;  /* in this document */
	bool has_nameless; /* so what is gone and what is only unreadable cannot be told apart */
	bool has_fault;	   /* a document that cannot be objects */
	uint64_t n_in_document;
	unsigned n_complaints;
	uint64_t n_ignored;
};

void reader_log(struct reader *reader, enum log_level level, const char *format, ...)
{
	struct text line = {0};
	va_list args;

	va_start(args, format);
	text_vprintf(&line, format, args);
	va_end(args);
	if (reader->lines)
		text_printf(reader->lines, "%s\n", line.bytes);
	else
		log_printf(reader->log, level, "kubernetes: objects %s", line.bytes);
	text_fini(&line);
}

/* The file itself is at fault; mostly that ends the reading. */
__attribute__((format(printf, 2, 3))) static void end_early(struct reading *reading,
							    const char *format, ...)
{
	struct reader_result *result = reading->result;
	struct text fault = {0};
	va_list args;

	va_start(args, format);
	text_vprintf(&fault, format, args);
	va_end(args);
	snprintf(result->fault, sizeof(result->fault), "%s", fault.bytes);
	text_fini(&fault);
	counter_add(&reading->reader->counters.file_errors, 1);
	if (!reading->is_quiet)
		reader_log(reading->reader, LOG_ERROR, "%s: %s; what the file gave before stays",
			   reading->owner->name, result->fault);
}

static void end_with_errno(struct reading *reading, int error)
{
	reading->result->is_temporary = error == EMFILE || error == ENFILE || error == ENOMEM ||
					error == EIO || error == EINTR || error == EAGAIN;
	end_early(reading, "%s", strerror(error));
}

/* A document that cannot be objects: the first is told, and the others are read. */
static void refuse_document(struct reading *reading, const char *why)
{
	if (!reading->has_fault)
		end_early(reading, "%s", why);
	reading->has_fault = true;
}

/* One object is at fault, or is there twice. */
__attribute__((format(printf, 2, 3))) static void complain(struct reading *reading,
							   const char *format, ...)
{
	struct text line = {0};
	va_list args;

	if (reading->is_quiet || ++reading->n_complaints > READER_LINES_MAX)
		return;
	va_start(args, format);
	text_vprintf(&line, format, args);
	va_end(args);
	reader_log(reading->reader, LOG_WARNING, "%s: %s", reading->owner->name, line.bytes);
	text_fini(&line);
}

static void put_object(struct reading *reading)
{
	const struct object *object = &reading->object;
	struct store_owner *other;
	enum store_put outcome = store_put(reading->reader->store, reading->owner, object, &other);
	char name[OBJECT_TEXT_MAX];

	reading->result->n_objects++;
	object_name(object, name, sizeof(name));
	if (outcome == STORE_SHADOWED)
		complain(reading, "%s is in %s too: this one is ignored", name, other->name);
	else if (outcome == STORE_TAKEN && !other->is_due)
		complain(reading, "%s is in %s too: that one is ignored", name, other->name);
	if (object->n_left_out == 0)
		return;
	counter_add(&reading->reader->counters.object_errors, 1);
	if (object->n_left_out == 1)
		complain(reading, "%s: left out: %s", name, object->left_out.bytes);
	else
		complain(reading, "%s: left out: %s, and %lu more", name, object->left_out.bytes,
			 (unsigned long)object->n_left_out - 1);
}

static void complain_object(struct reading *reading, const struct split *split,
			    enum object_outcome outcome)
{
	char name[OBJECT_TEXT_MAX];

	counter_add(&reading->reader->counters.object_errors, 1);
	object_name(&reading->object, name, sizeof(name));
	if (outcome == OBJECT_BROKEN)
		complain(reading, "%s: %s", name, reading->why.bytes);
	else
		complain(reading, "line %lu: unknown object: %s", (unsigned long)split->object.line,
			 reading->why.bytes);
}

/* Not JSON inside: the line of the fault. */
static void end_at(struct reading *reading, const struct split_object *object, size_t offset)
{
	unsigned long line = (unsigned long)object->line;

	for (size_t i = 0; i < offset && i < object->len; i++)
		line += object->bytes[i] == '\n';
	end_early(reading, "line %lu: not JSON", line);
}

/* Why a document that is one object is no object of a cluster; NULL: it is one. */
static const char *document_fault(const struct split *split)
{
	if (split->object.is_item)
		return NULL;
	if (!*split->kind)
		return "a document without kind";
	return strcmp(split->kind, "Status") == 0 ? "a Status: the answer of a failed request"
						  : NULL;
}

/* False: the reading has ended. */
static bool take_object(struct reading *reading, const struct split *split)
{
	const struct object_input input = {
		.bytes = split->object.bytes,
		.len = split->object.len,
		.is_item = split->object.is_item,
		.list_kind = split->kind,
		.list_api_version = split->api_version,
	};
	size_t offset = 0;

	reading->why.len = 0;
	reading->n_in_document += !reading->is_second;

	enum object_outcome outcome = object_decode(
		&reading->object, &input, reading->reader->config, &reading->why, &offset);

	if (outcome != OBJECT_NOT_JSON && document_fault(split)) {
		refuse_document(reading, document_fault(split));
		return true;
	}
	switch (outcome) {
	case OBJECT_DECODED:
		put_object(reading);
		return true;
	case OBJECT_IGNORED:
		reading->n_ignored++;
		return true;
	case OBJECT_BROKEN:
		complain_object(reading, split, outcome);
		store_touch(reading->reader->store, reading->owner, &reading->object);
		return true;
	case OBJECT_NAMELESS:
		complain_object(reading, split, outcome);
		reading->has_nameless = true;
		return true;
	case OBJECT_UNTYPED:
		reading->has_untyped = true;
		return true;
	case OBJECT_NOT_JSON:
		end_at(reading, &split->object, offset);
		return false;
	}
	return false;
}

/* Reads the file from an offset to its end, or to the end of its first document there. */
static bool read_documents(struct reading *reading, struct split *split, uint64_t offset);

/* The document that has just ended had items without kind. */
static bool read_again(struct reading *reading, const struct split *split)
{
	struct split again;
	bool is_whole;

	reading->has_untyped = false;
	if (!*split->kind) {
		complain(reading, "a list without kind, of items without kind");
		reading->has_nameless = true;
		return true;
	}
	split_init(&again, split->kind, split->api_version);
	reading->is_second = true;
	is_whole = read_documents(reading, &again, split->document_offset);
	reading->is_second = false;
	split_fini(&again);
	return is_whole;
}

static void check_list(struct reading *reading, const struct split *split)
{
	if (split->is_null)
		refuse_document(reading, "a list whose items are null");
	else if (!*split->kind && reading->n_in_document == 0)
		refuse_document(reading, "an empty list without kind");
	reading->n_in_document = 0;
}

/* What the splitter has found in its chunk. False: the reading, or that of a second time, has
 * ended; *is_done tells. */
static bool take_events(struct reading *reading, struct split *split, bool *is_done)
{
	for (;;) {
		switch (split_next(split)) {
		case SPLIT_MORE:
			return true;
		case SPLIT_OBJECT:
			if (!take_object(reading, split))
				return false;
			break;
		case SPLIT_DOCUMENT:
			if (reading->is_second) {
				*is_done = true;
				return true;
			}
			check_list(reading, split);
			if (reading->has_untyped && !read_again(reading, split))
				return false;
			break;
		case SPLIT_ERROR:
			end_early(reading, "line %lu: %s", (unsigned long)split->error.line,
				  split->error.why);
			return false;
		}
	}
}

static bool read_documents(struct reading *reading, struct split *split, uint64_t offset)
{
	char *chunk = mem_alloc(READER_CHUNK);
	bool is_done = false;
	bool is_whole = false;

	while (!is_done) {
		ssize_t n = pread(reading->fd, chunk, READER_CHUNK, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			end_with_errno(reading, errno);
			break;
		}
		if (n == 0) {
			is_whole = split_end(split);
			if (!is_whole)
				end_early(reading, "line %lu: %s", (unsigned long)split->error.line,
					  split->error.why);
			break;
		}
		offset += (uint64_t)n;
		split_feed(split, chunk, (size_t)n);
		if (!take_events(reading, split, &is_done))
			break;
		is_whole = is_done;
	}
	free(chunk);
	return is_whole;
}

/* Only regular files are read: a pipe would block the thread. */
static int open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	int error;

	if (fd < 0)
		return -errno;
	error = fstat(fd, &st) == 0 ? ENOTSUP : errno;
	if (error == ENOTSUP && S_ISREG(st.st_mode))
		return fd;
	close(fd);
	return -error;
}

static void read_file(struct reading *reading)
{
	struct split split;

	reading->fd = open_file(reading->owner->name);
	if (reading->fd < 0) {
		if (reading->fd == -ENOTSUP)
			end_early(reading, "not a regular file");
		else
			end_with_errno(reading, -reading->fd);
		return;
	}
	split_init(&split, "", "");
	reading->result->is_whole = read_documents(reading, &split, 0) && !reading->has_fault;
	split_fini(&split);
	close(reading->fd);
}

void reader_read(struct reader *reader, struct store_owner *owner, bool is_quiet,
		 struct reader_result *result)
{
	struct reading reading = {
		.reader = reader, .owner = owner, .result = result, .is_quiet = is_quiet};

	*result = (struct reader_result){0};
	owner->generation++;
	owner->is_complete = false;
	owner->has_shadowed = false;
	read_file(&reading);
	owner->is_complete = result->is_whole && !reading.has_nameless;
	if (reading.n_complaints > READER_LINES_MAX)
		reader_log(reader, LOG_WARNING, "%s: %u more lines like these", owner->name,
			   reading.n_complaints - READER_LINES_MAX);
	if (reading.n_ignored > 0 && !is_quiet)
		reader_log(reader, LOG_DEBUG,
			   "%s: %lu objects of other kinds or namespaces are ignored", owner->name,
			   (unsigned long)reading.n_ignored);
	object_fini(&reading.object);
	text_fini(&reading.why);
}
