/* SPDX-License-Identifier: Apache-2.0
 *
 * Files, environment and interfaces as the operating system gives them. Only regular files are
 * read, so that a pipe or a device can neither block the start nor fill the memory.
 */
#include "machine.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"

/* The size of a regular file, or -errno. */
static ssize_t file_size(int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	return st.st_size <= CONFIG_FILE_MAX ? (ssize_t)st.st_size : -EFBIG;
}

static int read_file(void *arg, const char *path, struct text *content)
{
	char buffer[16384];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return -errno;

	ssize_t n = file_size(fd);

	while (n >= 0 && (n = read(fd, buffer, sizeof(buffer))) > 0) {
		text_append(content, buffer, (size_t)n);
		if (content->len > CONFIG_FILE_MAX)
			n = -EFBIG; /* it grew meanwhile */
	}
	if (n == -1)
		n = -errno;
	close(fd);
	return n < 0 ? (int)n : 0;
}

static int list_files(void *arg, const char *pattern,
		      bool (*on_path)(void *on_arg, const char *path), void *on_arg)
{
	glob_t found = {0};
	int result = glob(pattern, 0, NULL, &found);

	for (size_t i = 0; result == 0 && i < found.gl_pathc; i++) {
		if (!on_path(on_arg, found.gl_pathv[i]))
			break;
	}
	globfree(&found);
	if (result == 0 || result == GLOB_NOMATCH)
		return 0;
	return result == GLOB_NOSPACE ? -ENOMEM : -EIO;
}

static const char *get_env(void *arg, const char *name)
{
	return getenv(name);
}

static bool read_address(const struct ifaddrs *from, struct address *address)
{
	const struct sockaddr *sa = from->ifa_addr;

	*address = (struct address){0};
	if (sa && sa->sa_family == AF_INET) {
		address->family = ADDRESS_V4;
		memcpy(address->bytes, &((const struct sockaddr_in *)sa)->sin_addr, 4);
		return true;
	}
	if (sa && sa->sa_family == AF_INET6) {
		address->family = ADDRESS_V6;
		memcpy(address->bytes, &((const struct sockaddr_in6 *)sa)->sin6_addr, 16);
		return true;
	}
	return false;
}

void machine_init(struct machine *machine)
{
	ARRAY(struct config_interface) interfaces = {0};

	*machine = (struct machine){0};
	if (getifaddrs(&machine->ifaddrs) != 0)
		machine->ifaddrs = NULL;
	for (const struct ifaddrs *p = machine->ifaddrs; p; p = p->ifa_next) {
		struct config_interface interface = {.name = p->ifa_name};

		if (read_address(p, &interface.address))
			ARRAY_PUSH(&interfaces, interface);
	}
	if (gethostname(machine->hostname, sizeof(machine->hostname) - 1) != 0)
		machine->hostname[0] = '\0';
	machine->interfaces = interfaces.items;
	machine->config = (struct config_machine){.read = read_file,
						  .list = list_files,
						  .env = get_env,
						  .hostname = machine->hostname,
						  .interfaces = interfaces.items,
						  .n_interfaces = interfaces.len};
}

void machine_fini(struct machine *machine)
{
	free(machine->interfaces);
	if (machine->ifaddrs)
		freeifaddrs(machine->ifaddrs);
	*machine = (struct machine){0};
}
