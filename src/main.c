/* SPDX-License-Identifier: Apache-2.0
 *
 * Options, the configuration, and what is to be done with it: serve (server.c), check, or explain.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/capability.h"
#include "base/cpu.h"
#include "base/memory.h"
#include "explain.h"
#include "node/interface.h"
#include "server.h"

static bool write_pidfile(const char *path)
{
	FILE *file = fopen(path, "w");
	bool is_written = file && fprintf(file, "%d\n", (int)getpid()) > 0;

	if (file && fclose(file) != 0)
		is_written = false;
	if (!is_written)
		fprintf(stderr, "kaname: pidfile %s: %s\n", path, strerror(errno));
	return is_written;
}

/* A closed stdin, stdout or stderr would become one of our own descriptors, and be written to. */
static void open_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/* What fails for want of it later says so itself; this says why it is wanting. */
static void settle_capability(void)
{
	int error = capability_settle();

	if (error != 0)
		fprintf(stderr, "kaname: capabilities stay as they are: %s\n", strerror(-error));
}

static void print_plugins(void)
{
	for (size_t i = 0; config_directive(i); i++)
		printf("dns.%s\n", config_directive(i));
}

/* As config_load takes it. */
static const char *corefile_name(const struct options *options)
{
	if (options->kubedns_flag)
		return "kube-dns's flags and ConfigMap";
	if (options->corefile)
		return options->corefile;
	return access("Corefile", F_OK) == 0 ? "Corefile" : "kubeadm's Corefile";
}

#define CACHE_BYTES_LEAST (4u << 20)
#define CACHE_BYTES_MOST (256u << 20)
#define CACHE_BYTES_USUAL (32u << 20) /* where memory has no limit */

/* For the caches of all workers: an eighth of what the process may use. */
static uint64_t caches_share(void)
{
	uint64_t limit = memory_limit("");

	if (limit == UINT64_MAX)
		return CACHE_BYTES_USUAL;
	if (limit / 8 < CACHE_BYTES_LEAST)
		return CACHE_BYTES_LEAST;
	return limit / 8 < CACHE_BYTES_MOST ? limit / 8 : CACHE_BYTES_MOST;
}

/* What a Corefile gets wrong, and, with --check, what is accepted with a note. */
static int check(const struct options *options, const struct config *config)
{
	if (config->corefile.len > 0)
		fputs(config->corefile.bytes, stdout);
	if (config->notes.len > 0)
		fputs(config->notes.bytes, stdout);
	printf("%s: fine\n", corefile_name(options));
	return EXIT_FINE;
}

static int load_kept(const struct options *options, const char *path,
		     const struct config_options *config_options, struct config *config,
		     struct text *problems)
{
	struct kubedns_options kubedns = options->kubedns;

	kubedns.kept = path;
	if (options->kubedns_flag)
		return config_load_kubedns(config, &kubedns, config_options, problems);
	return config_load(config, path, config_options, problems);
}

/* kube-dns starts without a ConfigMap that is bad, and goes on looking at it. */
static bool load_without_map(const struct options *options,
			     const struct config_options *config_options, struct config *config)
{
	struct kubedns_options without = options->kubedns;
	struct text problems = {0};
	bool is_loaded = false;

	without.ignores_config_map = true;
	if (options->kubedns_flag && without.config_dir) {
		is_loaded = config_load_kubedns(config, &without, config_options, &problems) == 0;
		if (!is_loaded)
			config_free(config);
		else
			fprintf(stderr,
				"kaname: the ConfigMap in %s is bad: it starts without stub "
				"domains and upstreams\n",
				without.config_dir);
	}
	text_fini(&problems);
	return is_loaded;
}

/* The last good configuration in place of a bad one. False: there is none either. */
static bool load_last_good(const struct options *options,
			   const struct config_options *config_options, struct config *config)
{
	char *path = options->state_dir ? reload_kept_path(options) : NULL;
	struct text problems = {0};
	bool is_loaded = false;

	if (path && access(path, R_OK) == 0) {
		is_loaded = load_kept(options, path, config_options, config, &problems) == 0;
		if (!is_loaded)
			config_free(config);
		fprintf(stderr, "kaname: the configuration is bad; %s %s\n",
			is_loaded ? "the last good one runs:" : "nor is the last good one better:",
			path);
		if (!is_loaded)
			fputs(problems.bytes, stderr);
	}
	text_fini(&problems);
	free(path);
	return is_loaded;
}

static int run(const struct options *options, const struct config_options *config_options)
{
	struct text problems = {0};
	struct config config;
	bool is_last_good = false;
	int code = EXIT_FINE;

	if (reload_load(options, config_options, &config, &problems) != 0) {
		config_free(&config);
		fputs(problems.bytes, stderr);
		is_last_good = !options->is_check && !options->explain_name &&
			       (load_last_good(options, config_options, &config) ||
				load_without_map(options, config_options, &config));
		code = is_last_good ? EXIT_FINE : EXIT_CONFIG;
	}
	text_fini(&problems);
	if (code != EXIT_FINE)
		return code;
	if (options->is_check)
		code = check(options, &config);
	else if (options->explain_name)
		code = explain_run(options, &config);
	else if (options->pidfile && !write_pidfile(options->pidfile))
		code = EXIT_START;
	else
		return server_run(options, config_options, &config, is_last_good);
	config_free(&config);
	return code;
}

static int change_interface(const struct options *options)
{
	const char *name = options->interface_name;

	switch (options->is_interface_setup ? interface_setup(name, options->localip, options->port)
					    : interface_remove(name)) {
	case INTERFACE_DONE:
		return EXIT_FINE;
	case INTERFACE_MISTAKEN:
		return EXIT_USAGE;
	case INTERFACE_FAILED:
		break;
	}
	return EXIT_START;
}

int main(int argc, char **argv)
{
	struct options options;

	open_standard_descriptors();
	settle_capability();
	if (!options_parse(&options, argc, argv))
		return EXIT_USAGE;
	if (options.is_help) {
		options_help();
		return EXIT_FINE;
	}
	if (options.is_interface_setup || options.is_interface_removal)
		return change_interface(&options);
	if (options.is_version || options.is_plugins) {
		if (options.is_version)
			puts("kaname-" KANAME_VERSION);
		else
			print_plugins();
		return EXIT_FINE;
	}

	struct config_options config_options = {.default_port = options.port,
						.n_cpus = cpu_quota(""),
						.cache_bytes = caches_share(),
						.wants_flat = options.state_dir != NULL};

	return run(&options, &config_options);
}
