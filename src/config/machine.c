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
#include "base/clock.h"

/* Of a regular file of at most `most` bytes; or -errno. */
static int stat_file(int fd, size_t most, struct stat *st)
{
	if (fstat(fd, st) != 0)
		return -errno;
	if (S_ISDIR(st->st_mode))
		return -EISDIR;
	if (!S_ISREG(st->st_mode))
		return -EINVAL;
	return st->st_size <= (off_t)most ? 0 : -EFBIG;
}

static int read_all(int fd, size_t most, struct text *content)
{
	char buffer[16384];
	size_t before = content->len;
	ssize_t n;

	while ((n = read(fd, buffer, sizeof(buffer))) > 0) {
		text_append(content, buffer, (size_t)n);
		if (content->len - before > most)
			return -EFBIG; /* it grew meanwhile */
	}
	return n < 0 ? -errno : 0;
}

static int read_file(void *arg, const char *path, struct text *content)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), error;
	struct stat st;

	if (fd < 0)
		return -errno;
	error = stat_file(fd, CONFIG_FILE_MAX, &st);
	if (error == 0)
		error = read_all(fd, CONFIG_FILE_MAX, content);
	close(fd);
	return error;
}

#define SETTLED_NS 1000000000

static struct config_stamp stamp_of(const struct stat *st)
{
	uint64_t mtime_ns = clock_ns_of(&st->st_mtim);
	int64_t age_ns = (int64_t)(clock_unix_ms() * 1000000u - mtime_ns);

	return (struct config_stamp){
		.mtime_ns = mtime_ns,
		.size = (uint64_t)st->st_size,
		.inode = st->st_ino,
		.device = st->st_dev,
		/* Clocks of file systems are coarse: a write that comes right after another may
		 * leave the time as it is. */
		.is_settled = age_ns > SETTLED_NS || age_ns < -SETTLED_NS,
	};
}

static bool is_same(const struct config_stamp *a, const struct config_stamp *b)
{
	return a->is_settled && a->mtime_ns == b->mtime_ns && a->size == b->size &&
	       a->inode == b->inode && a->device == b->device;
}

int machine_follow(void *arg, const char *path, size_t most, struct config_stamp *stamp,
		   struct text *content)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), error;
	struct stat st;

	if (fd < 0)
		return -errno;
	error = stat_file(fd, most, &st);
	if (error == 0) {
		struct config_stamp found = stamp_of(&st);

		if (is_same(stamp, &found))
			error = -EALREADY;
		else
			error = read_all(fd, most, content);
		if (error == 0)
			*stamp = found;
	}
	close(fd);
	return error;
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
						  .follow = machine_follow,
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
