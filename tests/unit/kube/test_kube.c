/* SPDX-License-Identifier: Apache-2.0
 *
 * The kube thread as main.c uses it: opened on files, until it is synced; its status and metrics
 * meanwhile; closed.
 */
#include <sched.h>
#include <errno.h>
#include <netdb.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/rcu.h"
#include "kube/kube.h"

#define SERVICE                                                                             \
	"{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"namespace\":\"shop\"," \
	"\"name\":\"web\"},"                                                                \
	"\"spec\":{\"clusterIP\":\"10.0.0.1\"}}"

static void write_file(char *path)
{
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, SERVICE, strlen(SERVICE)), strlen(SERVICE));
	close(fd);
}

/* Until the status says so, or the test's own time limit. */
static void wait_for(struct kube *kube, bool is_synced, const char *text)
{
	struct text why = {0};

	for (;;) {
		bool got = kube_status(kube, &why);

		if (got == is_synced && (!*text || (why.len > 0 && strstr(why.bytes, text))))
			break;
		why.len = 0;
		sched_yield();
	}
	text_fini(&why);
}

static void test_open_close(void **state)
{
	char path[] = "/tmp/kaname-kube-XXXXXX";
	const char *good[] = {path};
	const char *missing[] = {"/nonexistent/objects.json"};
	const struct kube_source_config sources[] = {{.objects = good, .n_objects = 1},
						     {.objects = missing, .n_objects = 1}};
	struct table *tables[] = {table_new(), table_new()};
	struct text dump = {0}, page = {0};
	struct kube *kube = NULL;

	write_file(path);
	assert_int_equal(kube_open(&kube, &sources[0], tables[0], NULL, NULL), 0);
	wait_for(kube, true, "");
	assert_true(table_is_synced(tables[0]));
	rcu_enter();
	table_dump(tables[0], &dump);
	rcu_leave();
	assert_string_equal(dump.bytes,
			    "10.0.0.1 PTR web.shop.svc\nshop NAMESPACE\nweb.shop.svc A 10.0.0.1\n");

	/* A slot without a source is left out. */
	struct kube *kubes[] = {NULL, kube};

	kube_metrics_write(kubes, 2, &page);
	assert_non_null(strstr(page.bytes, "\nkaname_kubernetes_objects{kind=\"Service\"} 1\n"));
	assert_non_null(strstr(page.bytes, "\nkaname_kubernetes_records{type=\"service\"} 1\n"));
	assert_non_null(strstr(page.bytes, "dns_programming_duration_seconds_count{service_kind="
					   "\"headless_with_selector\"} 0\n"));
	kube_close(kube);

	assert_int_equal(kube_open(&kube, &sources[1], tables[1], NULL, NULL), 0);
	wait_for(kube, false,
		 "kubernetes: objects /nonexistent/objects.json: No such file or directory\n");
	assert_false(table_is_synced(tables[1]));
	kube_close(kube);
	kube_close(NULL);

	/* Closed before it has done anything. */
	assert_int_equal(kube_open(&kube, &sources[1], tables[1], NULL, NULL), 0);
	kube_close(kube);

	unlink(path);
	text_fini(&dump);
	text_fini(&page);
	table_free(tables[0]);
	table_free(tables[1]);
}

/* A server that is not there: /ready says of which resource, and why. */
static void test_api_source(void **state)
{
	const struct kube_source_config source = {.is_api = true,
						  .access = {.endpoint = "http://127.0.0.1:1"}};
	struct table *table = table_new();
	struct kube *kube = NULL;
	struct text why = {0};

	assert_int_equal(kube_open(&kube, &source, table, NULL, &why), 0);
	wait_for(kube, false, "kubernetes: namespaces: watch namespaces: Failed to connect");
	assert_false(table_is_synced(table));
	kube_close(kube);

	/* Closed while it tries. */
	assert_int_equal(kube_open(&kube, &source, table, NULL, &why), 0);
	kube_close(kube);
	assert_int_equal(why.len, 0);
	table_free(table);
}

/* A resolver that does not answer before it is allowed to, in place of libc's: libcurl calls it on
 * a thread of its own for each request. */
static sem_t is_asked, may_answer;

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
		struct addrinfo **result)
{
	sem_post(&is_asked);
	sem_wait(&may_answer);
	sem_post(&may_answer);
	return EAI_AGAIN;
}

/* It is closed all the same: else this test does not end. */
static void test_close_while_resolving(void **state)
{
	const struct kube_source_config source = {.is_api = true,
						  .access = {.endpoint = "http://api.test"}};
	struct table *table = table_new();
	struct kube *kube = NULL;

	assert_int_equal(sem_init(&is_asked, 0, 0), 0);
	assert_int_equal(sem_init(&may_answer, 0, 0), 0);
	assert_int_equal(kube_open(&kube, &source, table, NULL, NULL), 0);
	sem_wait(&is_asked);
	kube_close(kube);
	sem_post(&may_answer);
	table_free(table);
}

static void test_no_server(void **state)
{
	const struct kube_source_config source = {.is_api = true};
	struct table *table = table_new();
	struct kube *kube = NULL;
	struct text why = {0};

	assert_int_equal(unsetenv("KUBERNETES_SERVICE_HOST"), 0);
	assert_int_equal(kube_open(&kube, &source, table, NULL, &why), -EINVAL);
	assert_non_null(strstr(why.bytes, "kubernetes: "));
	assert_non_null(strstr(why.bytes, "KUBERNETES_SERVICE_HOST"));
	text_fini(&why);
	table_free(table);
}

static int enter(void **state)
{
	rcu_register();
	return 0;
}

static int leave(void **state)
{
	rcu_unregister();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open_close), cmocka_unit_test(test_api_source),
		cmocka_unit_test(test_close_while_resolving), cmocka_unit_test(test_no_server)};

	return cmocka_run_group_tests(tests, enter, leave);
}
