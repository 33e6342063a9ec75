/* SPDX-License-Identifier: Apache-2.0
 *
 * Access to an API server from files in a folder of its own: each scenario is a list of steps
 * (change a file, refresh, expect), each refresh told as text. "s3cr3t" stands where a secret does:
 * no message has it.
 */
#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "access.h"

#define PEM(text) "-----BEGIN " text

enum action {
	END,
	WRITE,	/* the file `name` is `text` from now on, replaced by rename */
	LARGE,	/* the file `name` has more than BLOB_FILE_MAX bytes */
	FOLDER, /* makes a folder */
	LINK,	/* `name` is a symlink to `text`, in place of what was there */
	FIFO,
	REMOVE, /* the file `name` */
	HIDE,	/* what has changed so far does not show in any stat */
	GIVES,	/* a refresh succeeds; `text` is the access then */
	FORCED, /* likewise, a forced one */
	FAILS,	/* a refresh fails; `text` is the cause, the folder as "@"; the access is as before
		 */
};

struct step {
	enum action action;
	const char *text; /* GIVES, FORCED, FAILS */
	const char *name;
};

#define STEPS_MAX 24

/* Paths are below the folder. */
static const struct {
	const char *name;
	struct kube_access_config config;
	const char *host, *port; /* the pod's environment; its service account is the folder sa */
	struct step steps[STEPS_MAX];
} scenarios[] = {
#include "access_scenarios.h"
};

struct fixture {
	char folder[64];
	char *paths[5]; /* of the config and the machine */
	size_t n_paths;
	struct kube_access_config config;
	struct access_machine machine;
	struct access access;
};

static const char *path_in(struct fixture *fixture, const char *name)
{
	struct text path = {0};

	if (!name)
		return NULL;
	text_printf(&path, "%s/%s", fixture->folder, name);
	fixture->paths[fixture->n_paths++] = path.bytes;
	return path.bytes;
}

static void set_up(struct fixture *fixture, size_t i)
{
	const struct kube_access_config *config = &scenarios[i].config;

	*fixture = (struct fixture){.folder = "/tmp/kaname-access-XXXXXX"};
	assert_non_null(mkdtemp(fixture->folder));
	fixture->config =
		(struct kube_access_config){.endpoint = config->endpoint,
					    .tls_cert = path_in(fixture, config->tls_cert),
					    .tls_key = path_in(fixture, config->tls_key),
					    .tls_ca = path_in(fixture, config->tls_ca),
					    .kubeconfig = path_in(fixture, config->kubeconfig),
					    .context = config->context,
					    .server = config->server};
	fixture->machine = (struct access_machine){.service_host = scenarios[i].host,
						   .service_port = scenarios[i].port,
						   .service_account = path_in(fixture, "sa")};
	access_init(&fixture->access, &fixture->config, &fixture->machine);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static void tear_down(struct fixture *fixture)
{
	access_fini(&fixture->access);
	assert_int_equal(nftw(fixture->folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
	for (size_t i = 0; i < fixture->n_paths; i++)
		free(fixture->paths[i]);
}

/* ---- steps ---- */

static void write_file(const char *path, const char *text)
{
	struct text next = {0};
	FILE *file;

	text_printf(&next, "%s.next", path);
	file = fopen(next.bytes, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(rename(next.bytes, path), 0);
	text_fini(&next);
}

static void write_large(const char *path)
{
	assert_int_equal(truncate(path, (off_t)BLOB_FILE_MAX + 1), 0);
}

static void hide_changes(struct access *access)
{
	for (size_t i = 0; i < access->inputs.n_files; i++) {
		struct access_file *file = &access->inputs.files[i];
		struct blob blob = {0};
		struct text why = {0};

		assert_int_equal(blob_read(&blob,
					   &(struct blob_file){"", file->path, BLOB_FILE_MAX},
					   &file->version, &why),
				 0);
		blob_fini(&blob);
	}
}

static void change(struct fixture *fixture, const struct step *step)
{
	struct text path = {0};

	text_printf(&path, "%s/%s", fixture->folder, step->name ? step->name : "");
	if (step->action == WRITE)
		write_file(path.bytes, step->text);
	else if (step->action == LARGE)
		write_large(path.bytes);
	else if (step->action == FOLDER)
		assert_int_equal(mkdir(path.bytes, 0700), 0);
	else if (step->action == FIFO)
		assert_int_equal(mkfifo(path.bytes, 0600), 0);
	else if (step->action == HIDE)
		hide_changes(&fixture->access);
	if (step->action == REMOVE || step->action == LINK)
		assert_true(unlink(path.bytes) == 0 || errno == ENOENT);
	if (step->action == LINK)
		assert_int_equal(symlink(step->text, path.bytes), 0);
	text_fini(&path);
}

static void tell_pem(const char *name, const struct blob *blob, struct text *out)
{
	if (blob->len > 0)
		text_printf(out, " %s:%s", name, (const char *)blob->bytes + strlen(PEM("")));
}

static void tell(const struct access *access, struct text *out)
{
	text_printf(out, "%u %s", access->generation, access->server ? access->server : "-");
	if (access->tls_server_name)
		text_printf(out, " sni=%s", access->tls_server_name);
	if (access->proxy_url)
		text_printf(out, " proxy=%s", access->proxy_url);
	if (access->authorization)
		text_printf(out, " %s", access->authorization);
	tell_pem("ca", &access->ca, out);
	tell_pem("cert", &access->cert, out);
	tell_pem("key", &access->key, out);
	text_puts(out, access->is_insecure ? " insecure" : "");
}

/* Every path of the folder in *text as "@/...". */
static void shorten(const struct fixture *fixture, struct text *text)
{
	struct text out = {0};
	size_t len = strlen(fixture->folder);
	const char *p = text->bytes;

	for (const char *at; p && (at = strstr(p, fixture->folder)); p = at + len)
		text_printf(&out, "%.*s@", (int)(at - p), p);
	text_puts(&out, p ? p : "");
	text_fini(text);
	*text = out;
}

static void expect(size_t i, size_t k, const struct text *got, const char *want)
{
	if (strcmp(got->bytes ? got->bytes : "", want) != 0)
		fail_msg("%s, step %zu:\n%s\nis not\n%s", scenarios[i].name, k,
			 got->bytes ? got->bytes : "", want);
}

static void refresh(struct fixture *fixture, size_t i, size_t k)
{
	const struct step *step = &scenarios[i].steps[k];
	struct access *access = &fixture->access;
	const struct access before = *access;
	struct text why = {0}, was = {0}, is = {0};

	tell(access, &was);
	if ((access_refresh(access, step->action == FORCED, &why) != 0) != (why.len > 0))
		fail_msg("%s, step %zu: an error and its cause do not go together",
			 scenarios[i].name, k);
	shorten(fixture, &why);
	tell(access, &is);
	expect(i, k, &why, step->action == FAILS ? step->text : "");
	expect(i, k, &is, step->action == FAILS ? was.bytes : step->text);
	assert_null(strstr(why.bytes, "s3cr3t"));
	/* The same pointers until the generation changes. */
	if (access->generation == before.generation)
		assert_true(access->server == before.server &&
			    access->authorization == before.authorization &&
			    access->ca.bytes == before.ca.bytes &&
			    access->key.bytes == before.key.bytes);
	text_fini(&why);
	text_fini(&was);
	text_fini(&is);
}

static void test_scenarios(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(scenarios); i++) {
		struct fixture fixture;

		set_up(&fixture, i);
		for (size_t k = 0; k < STEPS_MAX && scenarios[i].steps[k].action != END; k++) {
			if (scenarios[i].steps[k].action >= GIVES)
				refresh(&fixture, i, k);
			else
				change(&fixture, &scenarios[i].steps[k]);
		}
		tear_down(&fixture);
	}
}

static void test_label(void **state)
{
	const struct kube_access_config config = {.endpoint = "https://[fd00::1]"};
	struct access_machine machine;
	struct access access;
	struct text why = {0};

	assert_int_equal(setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1", 1), 0);
	assert_int_equal(unsetenv("KUBERNETES_SERVICE_PORT"), 0);
	access_machine_read(&machine);
	assert_string_equal(machine.service_host, "10.96.0.1");
	assert_null(machine.service_port);
	assert_string_equal(machine.service_account, ACCESS_SERVICE_ACCOUNT);
	access_init(&access, &config, &machine);
	assert_int_equal(access_refresh(&access, false, &why), 0);
	assert_string_equal(access.host_label, "[fd00::1]:443");
	access_fini(&access);
	access_fini(&(struct access){0});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scenarios),
		cmocka_unit_test(test_label),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
