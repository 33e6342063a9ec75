/* SPDX-License-Identifier: Apache-2.0
 *
 * A record's text as words, its head, and its way to the wire. The happy path: owner, TTL and class
 * in any order, type, and the type's form (rrtext_form.c). The first word that is wrong is told
 * with its place, and ends it.
 */
#include "rrtext.h"

#include <errno.h>
#include <strings.h>

#define TTL_DEFAULT_S 3600

bool rr_words_fail(struct rr_words *words, const char *what)
{
	if (words->error->what)
		return false;
	words->error->what = what;
	words->error->at = words->is_end ? words->len : (size_t)(words->word - words->text);
	words->error->len = words->is_end ? 0 : words->word_len;
	return false;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Over white space, comments and parentheses. False: nothing follows in this record. */
static bool skip_space(struct rr_words *words)
{
	for (; words->at < words->len; words->at++) {
		char c = words->text[words->at];

		if (c == '\n' && words->depth == 0 && words->has_begun)
			return false;
		if (c == ';') {
			while (words->at + 1 < words->len && words->text[words->at + 1] != '\n')
				words->at++;
		} else if (c == '(') {
			words->depth++;
		} else if (c == ')') {
			if (words->depth == 0)
				return true; /* which is told as a word */
			words->depth--;
		} else if (!is_space(c) && c != '\n') {
			return true;
		}
	}
	return false;
}

/* Where the word that begins at `from` ends: at what is not escaped and one of `ends`. */
static size_t find_end(const struct rr_words *words, size_t from, const char *ends)
{
	size_t at = from;

	while (at < words->len && !memchr(ends, words->text[at], strlen(ends)))
		at += words->text[at] == '\\' && at + 1 < words->len ? 2 : 1;
	return at;
}

static bool end_words(struct rr_words *words)
{
	words->is_end = true;
	if (words->depth > 0)
		return rr_words_fail(words, "a parenthesis is not closed");
	/* A second record would be lost. */
	words->has_begun = false;
	if (skip_space(words)) {
		words->is_end = false;
		words->word = words->text + words->at;
		words->word_len = find_end(words, words->at, " \t\r\n") - words->at;
		rr_words_fail(words, "stands behind the record's end: give one record at a time");
		words->is_end = true;
	}
	words->has_begun = true;
	return false;
}

bool rr_words_next(struct rr_words *words)
{
	size_t end;

	if (words->is_end || words->error->what)
		return false;
	if (!skip_space(words))
		return end_words(words);
	words->has_begun = true;
	words->is_quoted = words->text[words->at] == '"';
	words->at += words->is_quoted;
	end = find_end(words, words->at, words->is_quoted ? "\"" : " \t\r\n();\"");
	words->word = words->text + words->at;
	words->word_len = end - words->at;
	words->at = end + words->is_quoted;
	if (words->is_quoted && end >= words->len) {
		words->at = words->len;
		return rr_words_fail(words, "is in quotes that are not closed");
	}
	if (!words->is_quoted && words->word_len == 0) {
		words->word_len = 1;
		return rr_words_fail(words, "closes a parenthesis that is not open");
	}
	return true;
}

/* ---- numbers of the registries ---- */

static bool is_text(const char *name, const char *text, size_t len)
{
	return strlen(name) == len && strncasecmp(name, text, len) == 0;
}

/* "TYPE28" */
static int read_generic(uint16_t *value, const char *prefix, const char *text, size_t len)
{
	size_t n = strlen(prefix);
	uint64_t number;

	if (len <= n || strncasecmp(text, prefix, n) != 0 ||
	    !rr_number(text + n, len - n, UINT16_MAX, &number))
		return -EINVAL;
	*value = (uint16_t)number;
	return 0;
}

/* The registry's name among the first n numbers. */
static int find_name(uint16_t *value, uint16_t n,
		     const char *(*name)(uint16_t value, char *buf, size_t size), const char *text,
		     size_t len)
{
	for (uint16_t i = 0; i < n; i++) {
		char buf[16];

		if (is_text(name(i, buf, sizeof(buf)), text, len)) {
			*value = i;
			return 0;
		}
	}
	return -EINVAL;
}

int dns_type_from_text(uint16_t *type, const char *text, size_t len)
{
	const struct rr_form *form = rr_form_named(text, len);

	if (form) {
		*type = form->type;
		return 0;
	}
	if (read_generic(type, "TYPE", text, len) == 0)
		return 0;
	return find_name(type, 300, dns_type_text, text, len);
}

int dns_class_from_text(uint16_t *class, const char *text, size_t len)
{
	if (is_text("IN", text, len)) {
		*class = DNS_CLASS_IN;
		return 0;
	}
	if (read_generic(class, "CLASS", text, len) == 0)
		return 0;
	return find_name(class, 256, dns_class_text, text, len);
}

int dns_rcode_from_text(uint16_t *rcode, const char *text, size_t len)
{
	uint64_t number;

	if (is_text("NOTIMPL", text, len) || is_text("BADSIG", text, len)) {
		*rcode = is_text("BADSIG", text, len) ? DNS_RCODE_BADVERS : DNS_RCODE_NOTIMP;
		return 0;
	}
	if (len > 5 && strncasecmp(text, "RCODE", 5) == 0 &&
	    rr_number(text + 5, len - 5, 4095, &number)) {
		*rcode = (uint16_t)number;
		return 0;
	}
	return find_name(rcode, 24, dns_rcode_text, text, len);
}

/* ---- a record ---- */

/* TTL and class in any order, each at most once; the current word is the type then. */
static bool read_head(struct dns_rr *rr, struct rr_words *words)
{
	bool has_ttl = false, has_class = false;

	for (;;) {
		if (!rr_words_next(words))
			return rr_words_fail(words, "the record ends before its type");
		if (!has_ttl && rr_ttl(words->word, words->word_len, &rr->ttl_s)) {
			has_ttl = true;
		} else if (!has_class && !is_text("ANY", words->word, words->word_len) &&
			   dns_class_from_text(&rr->class, words->word, words->word_len) == 0) {
			has_class = true;
		} else if (dns_type_from_text(&rr->type, words->word, words->word_len) == 0) {
			return true;
		} else {
			return rr_words_fail(words, "is neither a TTL, a class nor a type");
		}
	}
}

/* `\# LENGTH HEX` (RFC 3597 5), the current word being LENGTH or the end. */
static bool read_unknown(struct rr_words *words, struct wire_writer *rdata)
{
	static const struct rr_form hex = {.fields = "x"};
	uint64_t len;

	if (words->is_end)
		return rr_words_fail(words, "the record ends too early");
	if (!rr_number(words->word, words->word_len, DNS_RR_RDATA_MAX, &len))
		return rr_words_fail(words, "is not a length of this record");
	if (!rr_words_next(words)) {
		if (len > 0)
			return rr_words_fail(words, "the record ends too early");
		return !words->error->what;
	}
	if (!rr_form_read(&hex, words, rdata))
		return false;
	return rdata->pos == len ||
	       rr_words_fail(words, "the rdata has another length than it says");
}

/* Types that are questions, or of messages alone. */
static bool is_data(uint16_t type)
{
	return type != 0 && type != DNS_TYPE_OPT && !(type >= 249 && type <= 255);
}

static bool read_rdata(struct dns_rr *rr, struct rr_words *words, struct wire_writer *rdata)
{
	const struct rr_form *form = rr_form_find(rr->type);
	bool is_unknown;

	if (!is_data(rr->type))
		return rr_words_fail(words, "is not a type that a record can have");
	if (!rr_words_next(words))
		return rr_words_fail(words, "the record ends before its data");
	is_unknown =
		!words->is_quoted && words->word_len == 2 && memcmp(words->word, "\\#", 2) == 0;
	if (!is_unknown && !form)
		return rr_words_fail(words,
				     "begins data that is not understood for this type: give "
				     "them as \\# LENGTH HEX");
	if (!is_unknown)
		return rr_form_read(form, words, rdata);
	(void)rr_words_next(words);
	if (!read_unknown(words, rdata))
		return false;
	return !form || rr_form_check(form, rdata->base, rdata->pos) ||
	       rr_words_fail(words, "the rdata has not the form of its type");
}

static bool read_record(struct dns_rr *rr, struct rr_words *words)
{
	struct wire_writer rdata = wire_writer_init(rr->rdata, sizeof(rr->rdata));
	bool is_origin;

	if (words->len > DNS_RR_TEXT_MAX)
		return rr_words_fail(words, "the record is too long");
	if (!rr_words_next(words))
		return rr_words_fail(words, "there is no record");
	is_origin = words->word_len == 1 && words->word[0] == '@';
	if (dns_name_from_text(&rr->owner, is_origin ? "." : words->word, words->word_len) != 0)
		return rr_words_fail(words, "is not a domain name");
	if (!read_head(rr, words) || !read_rdata(rr, words, &rdata))
		return false;
	rr->rdata_len = (uint16_t)rdata.pos;
	return !rdata.failed || rr_words_fail(words, "the rdata is too long");
}

int dns_rr_from_text(struct dns_rr *rr, const char *text, size_t len, struct dns_rr_error *error)
{
	struct rr_words words = {.text = text, .len = len, .word = text, .error = error};

	*error = (struct dns_rr_error){0};
	rr->ttl_s = TTL_DEFAULT_S;
	rr->class = DNS_CLASS_IN;
	return read_record(rr, &words) ? 0 : -EINVAL;
}

/* The names of a compressible form, numbers between them as they are. */
static void write_names(const struct rr_form *form, const struct dns_rr *rr,
			struct wire_writer *writer, struct dns_compress *compress)
{
	struct wire_reader reader = wire_reader_init(rr->rdata, rr->rdata_len);

	for (const char *field = form->fields; *field; field++) {
		size_t from = reader.pos;
		struct dns_name name;

		if (*field == 'n') {
			dns_name_read(&name, &reader, false);
			CHECK(!reader.failed);
			dns_compress_name(compress, writer, name.wire, name.len, true);
		} else {
			wire_skip(&reader, *field == '2' ? 2 : 4);
			wire_put(writer, rr->rdata + from, reader.pos - from);
		}
	}
	CHECK(!reader.failed && wire_left(&reader) == 0);
}

bool dns_rr_write(const struct dns_rr *rr, struct wire_writer *writer,
		  struct dns_compress *compress, size_t *rdata_pos)
{
	const struct rr_form *form = rr_form_find(rr->type);
	size_t mark = writer->pos, rdata;
	uint16_t n_known = compress->n;

	dns_compress_name(compress, writer, rr->owner.wire, rr->owner.len, true);
	wire_put_u16(writer, rr->type);
	wire_put_u16(writer, rr->class);
	wire_put_u32(writer, rr->ttl_s);
	wire_put_u16(writer, rr->rdata_len);
	rdata = writer->pos;
	if (form && form->is_compressible)
		write_names(form, rr, writer, compress);
	else
		wire_put(writer, rr->rdata, rr->rdata_len);
	if (writer->failed) {
		wire_rewind(writer, mark);
		compress->n = n_known;
		return false;
	}
	wire_patch_u16(writer, rdata - 2, (uint16_t)(writer->pos - rdata));
	*rdata_pos = rdata;
	return true;
}
