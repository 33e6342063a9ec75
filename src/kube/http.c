/* SPDX-License-Identifier: Apache-2.0
 *
 * curl tells which sockets to poll and when it wants to be called; both become uv handles. After
 * each call of curl the transfers that are finished are taken out and their on_end is called: only
 * there, and outside of curl, may requests be begun and cancelled.
 */
#include "http.h"

#include <curl/curl.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <strings.h>

#define CONNECT_MS 5000L /* name, TCP and TLS */
#define BUFFER_BYTES (128L * 1024)
#define KEEPALIVE_IDLE_S 10L
#define KEEPALIVE_INTERVAL_S 5L
#define KEEPALIVE_PROBES 3
#define USER_TIMEOUT_MS 20000 /* unacknowledged data */

struct http {
	CURLM *multi;
	uv_loop_t *loop; /* borrowed */
	uv_timer_t timer;
	bool is_closing;
};

struct http_transfer {
	struct http *http;	      /* borrowed */
	struct http_request *request; /* borrowed: stays while this is there */
	CURL *easy;
	struct curl_slist *headers, *connect_to;
	bool is_head_told;
	char error[CURL_ERROR_SIZE];
};

/* A socket of curl's. */
struct http_socket {
	uv_poll_t poll;
	struct http *http;
	curl_socket_t fd;
};

/* ---- the end of transfers ---- */

static void free_transfer(struct http_transfer *transfer)
{
	curl_multi_remove_handle(transfer->http->multi, transfer->easy);
	curl_easy_cleanup(transfer->easy);
	curl_slist_free_all(transfer->headers);
	curl_slist_free_all(transfer->connect_to);
	transfer->request->transfer = NULL;
	free(transfer);
}

void http_cancel(struct http_request *request)
{
	if (request->transfer)
		free_transfer(request->transfer);
}

/* curl's words; but where they would repeat the URL of the environment's proxy, which may have a
 * password in it, ours. */
static void tell_fault(const struct http_transfer *transfer, CURLcode code, char *fault,
		       size_t size)
{
	const char *words = *transfer->error ? transfer->error : curl_easy_strerror(code);

	if (strstr(words, "proxy") && strstr(words, "://"))
		words = "the environment's proxy has a URL that cannot be used";
	snprintf(fault, size, "%s", words);
}

/* on_end may begin a request, this one too, or cancel another. */
static void end_transfer(struct http_transfer *transfer, CURLcode code)
{
	struct http_request *request = transfer->request;
	char fault[CURL_ERROR_SIZE + 64];

	tell_fault(transfer, code, fault, sizeof(fault));
	free_transfer(transfer);
	request->calls->on_end(request->arg, code == CURLE_OK ? NULL : fault);
}

static void end_finished(struct http *http)
{
	CURLMsg *message;
	int n_left;

	while (!http->is_closing && (message = curl_multi_info_read(http->multi, &n_left))) {
		struct http_transfer *transfer;

		if (message->msg != CURLMSG_DONE)
			continue;
		CHECK(curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE,
					(char **)&transfer) == CURLE_OK);
		end_transfer(transfer, message->data.result);
	}
}

/* ---- curl's sockets and time on the loop ---- */

static void on_socket(uv_poll_t *poll, int status, int events)
{
	struct http_socket *socket = poll->data;
	struct http *http = socket->http;
	int flags = 0;
	int n_running;

	if (status < 0)
		flags = CURL_CSELECT_ERR;
	if (events & UV_READABLE)
		flags |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		flags |= CURL_CSELECT_OUT;
	/* May close the socket: touch it no more. */
	curl_multi_socket_action(http->multi, socket->fd, flags, &n_running);
	end_finished(http);
}

static void on_time(uv_timer_t *timer)
{
	struct http *http = timer->data;
	int n_running;

	curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &n_running);
	end_finished(http);
}

static void on_socket_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static int on_wanted_events(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	struct http *http = arg;
	struct http_socket *socket = known;
	int events = 0;

	if (what == CURL_POLL_REMOVE) {
		if (!socket)
			return 0;
		uv_poll_stop(&socket->poll);
		uv_close((uv_handle_t *)&socket->poll, on_socket_closed);
		curl_multi_assign(http->multi, fd, NULL);
		return 0;
	}
	if (!socket) {
		socket = mem_zalloc(sizeof(*socket));
		socket->http = http;
		socket->fd = fd;
		socket->poll.data = socket;
		if (uv_poll_init_socket(http->loop, &socket->poll, fd) != 0) {
			free(socket);
			return -1;
		}
		curl_multi_assign(http->multi, fd, socket);
	}
	if (what != CURL_POLL_OUT)
		events |= UV_READABLE;
	if (what != CURL_POLL_IN)
		events |= UV_WRITABLE;
	return uv_poll_start(&socket->poll, events, on_socket) == 0 ? 0 : -1;
}

static int on_wanted_time(CURLM *multi, long timeout_ms, void *arg)
{
	struct http *http = arg;

	if (http->is_closing)
		return 0;
	if (timeout_ms < 0)
		uv_timer_stop(&http->timer);
	else
		uv_timer_start(&http->timer, on_time, (uint64_t)timeout_ms, 0);
	return 0;
}

/* ---- a response ---- */

/* The empty line behind the head of an answer that is no interim one (1xx). */
static size_t on_header(char *bytes, size_t size, size_t n, void *arg)
{
	struct http_transfer *transfer = arg;
	size_t len = size * n;
	curl_off_t retry_after_s = 0;
	long status = 0;

	if (transfer->is_head_told || len > 2 || (len > 0 && bytes[0] != '\r' && bytes[0] != '\n'))
		return len;
	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status < 200)
		return len;
	curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
	if (retry_after_s < 0 || retry_after_s > UINT32_MAX)
		retry_after_s = 0;
	transfer->is_head_told = true;
	transfer->request->calls->on_head(transfer->request->arg, (unsigned)status,
					  (unsigned)retry_after_s);
	return len;
}

static size_t on_bytes(char *bytes, size_t size, size_t n, void *arg)
{
	struct http_transfer *transfer = arg;
	size_t len = size * n;

	return transfer->request->calls->on_data(transfer->request->arg, bytes, len) ? len : 0;
}

/* ---- a request ---- */

static int on_new_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	int probes = KEEPALIVE_PROBES;
	unsigned timeout_ms = USER_TIMEOUT_MS;

	/* Better than nothing where the kernel has them not. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms));
	return CURL_SOCKOPT_OK;
}

/* The first fault of a series of options stays. */
#define SET(code, easy, option, value)                                      \
	do {                                                                \
		if ((code) == CURLE_OK)                                     \
			(code) = curl_easy_setopt((easy), (option), value); \
	} while (0)

static void set_blob(CURLcode *code, CURL *easy, CURLoption option, const struct blob *bytes)
{
	struct curl_blob blob = {bytes->bytes, bytes->len, CURL_BLOB_COPY};

	if (bytes->len > 0)
		SET(*code, easy, option, &blob);
}

static CURLcode set_tls(CURL *easy, const struct access *access)
{
	CURLcode code = CURLE_OK;

	SET(code, easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	set_blob(&code, easy, CURLOPT_CAINFO_BLOB, &access->ca);
	set_blob(&code, easy, CURLOPT_SSLCERT_BLOB, &access->cert);
	set_blob(&code, easy, CURLOPT_SSLKEY_BLOB, &access->key);
	if (access->is_insecure) {
		SET(code, easy, CURLOPT_SSL_VERIFYPEER, 0L);
		SET(code, easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	return code;
}

static CURLcode add_header(struct http_transfer *transfer, const char *name, const char *value)
{
	struct text line = {0};
	struct curl_slist *more;

	text_printf(&line, "%s: %s", name, value);
	more = curl_slist_append(transfer->headers, line.bytes);
	explicit_bzero(line.bytes, line.len);
	text_fini(&line);
	if (!more)
		return CURLE_OUT_OF_MEMORY;
	transfer->headers = more;
	return CURLE_OK;
}

/*
 * The server is to prove another name than the one in its URL: the request goes to a URL with that
 * name, which is led to the server's address, and the Host header is the server's as usual.
 */
static CURLcode name_server(struct http_transfer *transfer, const struct access *access, CURLU *url)
{
	char *host = NULL, *port = NULL;
	struct text to = {0};
	CURLcode code = CURLE_URL_MALFORMAT;

	if (curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
	    curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
	    curl_url_set(url, CURLUPART_HOST, access->tls_server_name, 0) == CURLUE_OK) {
		text_printf(&to, "::%s:%s", host, port);
		transfer->connect_to = curl_slist_append(NULL, to.bytes);
		code = transfer->connect_to ? CURLE_OK : CURLE_OUT_OF_MEMORY;
		SET(code, transfer->easy, CURLOPT_CONNECT_TO, transfer->connect_to);
		if (code == CURLE_OK)
			code = add_header(transfer, "Host", access->host_label);
	}
	curl_free(host);
	curl_free(port);
	text_fini(&to);
	return code;
}

static CURLcode set_url(struct http_transfer *transfer, const struct access *access,
			const char *path)
{
	CURLU *url = curl_url();
	struct text whole = {0};
	CURLcode code = CURLE_OK;
	char *result = NULL;

	text_printf(&whole, "%s%s", access->server, path);
	if (!url || curl_url_set(url, CURLUPART_URL, whole.bytes, 0) != CURLUE_OK)
		code = CURLE_URL_MALFORMAT;
	if (code == CURLE_OK && access->tls_server_name)
		code = name_server(transfer, access, url);
	if (code == CURLE_OK && curl_url_get(url, CURLUPART_URL, &result, 0) != CURLUE_OK)
		code = CURLE_URL_MALFORMAT;
	SET(code, transfer->easy, CURLOPT_URL, result);
	curl_free(result);
	curl_url_cleanup(url);
	text_fini(&whole);
	return code;
}

static CURLcode set_response(struct http_transfer *transfer)
{
	CURL *easy = transfer->easy;
	CURLcode code = CURLE_OK;

	SET(code, easy, CURLOPT_PRIVATE, transfer);
	SET(code, easy, CURLOPT_ERRORBUFFER, transfer->error);
	SET(code, easy, CURLOPT_HEADERFUNCTION, on_header);
	SET(code, easy, CURLOPT_HEADERDATA, transfer);
	SET(code, easy, CURLOPT_WRITEFUNCTION, on_bytes);
	SET(code, easy, CURLOPT_WRITEDATA, transfer);
	SET(code, easy, CURLOPT_BUFFERSIZE, BUFFER_BYTES);
	SET(code, easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	return code;
}

/* "127.0.0.1:6443", "localhost:6443", "[::1]:6443" */
static bool is_loopback(const char *label)
{
	bool is_v4 = strncmp(label, "127.", 4) == 0 && label[strspn(label, "0123456789.")] == ':';

	return is_v4 || strncasecmp(label, "localhost:", 10) == 0 ||
	       strncmp(label, "[::1]:", 6) == 0;
}

/* As client-go: the kubeconfig's proxy whatever NO_PROXY says, else that of the environment, but
 * not to this machine itself. */
static CURLcode set_proxy(CURL *easy, const struct access *access)
{
	CURLcode code = CURLE_OK;

	if (access->proxy_url) {
		SET(code, easy, CURLOPT_PROXY, access->proxy_url);
		SET(code, easy, CURLOPT_NOPROXY, "");
	} else if (is_loopback(access->host_label)) {
		SET(code, easy, CURLOPT_PROXY, "");
	}
	return code;
}

static CURLcode set_connection(struct http_transfer *transfer, const struct access *access,
			       const struct http_get *get)
{
	CURL *easy = transfer->easy;
	CURLcode code = CURLE_OK;

	SET(code, easy, CURLOPT_NOSIGNAL, 1L);
	/* Not to wait for a resolver that does not answer when a request is given up. */
	SET(code, easy, CURLOPT_QUICK_EXIT, 1L);
	SET(code, easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	SET(code, easy, CURLOPT_PIPEWAIT, 0L);
	SET(code, easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	SET(code, easy, CURLOPT_TCP_KEEPALIVE, 1L);
	SET(code, easy, CURLOPT_TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
	SET(code, easy, CURLOPT_TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S);
	SET(code, easy, CURLOPT_SOCKOPTFUNCTION, on_new_socket);
	SET(code, easy, CURLOPT_FRESH_CONNECT, get->is_fresh ? 1L : 0L);
	if (code == CURLE_OK)
		code = set_proxy(easy, access);
	if (get->is_gzip)
		SET(code, easy, CURLOPT_ACCEPT_ENCODING, "gzip");
	if (code == CURLE_OK)
		code = set_tls(easy, access);
	return code;
}

static CURLcode set_all(struct http_transfer *transfer, const struct access *access,
			const struct http_get *get)
{
	CURLcode code = set_response(transfer);

	if (code == CURLE_OK)
		code = set_connection(transfer, access, get);
	if (code == CURLE_OK)
		code = set_url(transfer, access, get->path);
	if (code == CURLE_OK)
		code = add_header(transfer, "Accept", "application/json");
	if (code == CURLE_OK)
		code = add_header(transfer, "User-Agent", "kaname/" KANAME_VERSION);
	if (code == CURLE_OK && access->authorization)
		code = add_header(transfer, "Authorization", access->authorization);
	SET(code, transfer->easy, CURLOPT_HTTPHEADER, transfer->headers);
	return code;
}

int http_get(struct http *http, struct http_request *request, const struct access *access,
	     const struct http_get *get, struct text *why)
{
	struct http_transfer *transfer = mem_zalloc(sizeof(*transfer));
	CURLcode code;

	CHECK(!request->transfer);
	transfer->http = http;
	transfer->request = request;
	transfer->easy = curl_easy_init();
	CHECK(transfer->easy != NULL);
	code = set_all(transfer, access, get);
	request->transfer = transfer;
	if (code == CURLE_OK && curl_multi_add_handle(http->multi, transfer->easy) != CURLM_OK)
		code = CURLE_FAILED_INIT;
	if (code == CURLE_OK)
		return 0;
	text_printf(why, "%s", *transfer->error ? transfer->error : curl_easy_strerror(code));
	free_transfer(transfer);
	return -EINVAL;
}

/* ---- the whole ---- */

int http_open(struct http **http_out, uv_loop_t *loop)
{
	struct http *http = mem_zalloc(sizeof(*http));

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(http);
		return -ENOSYS;
	}
	http->loop = loop;
	http->multi = curl_multi_init();
	CHECK(http->multi != NULL);
	http->timer.data = http;
	CHECK(uv_timer_init(loop, &http->timer) == 0);
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, on_wanted_events);
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, on_wanted_time);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
	*http_out = http;
	return 0;
}

void http_close(struct http *http)
{
	http->is_closing = true;
	/* Closes the connections, which gives up their sockets. */
	curl_multi_cleanup(http->multi);
	uv_close((uv_handle_t *)&http->timer, NULL);
}

void http_free(struct http *http)
{
	if (!http)
		return;
	free(http);
	curl_global_cleanup();
}
