/* SPDX-License-Identifier: Apache-2.0
 *
 * The cluster of fixture.h: one service of each kind, and a headless one with 5,000 endpoints.
 */
#include "fixture.h"

#include <arpa/inet.h>

#include "base/rcu.h"

#define N_LARGE 5000

static struct address address_of(const char *text)
{
	struct address address;

	CHECK(address_from_text(&address, text, strlen(text)) == 0);
	return address;
}

static struct dns_name name_of(const char *text)
{
	struct dns_name name;

	CHECK(dns_name_from_text(&name, text, strlen(text)) == 0);
	return name;
}

static struct table_endpoint_in endpoint_of(const char *label, bool is_named, const char *address,
					    uint32_t port_set)
{
	return (struct table_endpoint_in){.label = label,
					  .label_len = (uint8_t)strlen(label),
					  .is_named = is_named,
					  .address = address_of(address),
					  .port_set = port_set};
}

static void put_alias(struct table *table, const char *service, const uint8_t *wire, size_t len)
{
	struct table_service_in in = {.service = service,
				      .namespace = "shop",
				      .kind = TABLE_SERVICE_ALIAS,
				      .alias = wire,
				      .alias_len = len};

	CHECK(table_put_service(table, &in));
}

static void put_aliases(struct table *table)
{
	static const char *const aliases[][2] = {
		{"to-web", "web.shop.svc.cluster.local"},
		{"to-to-web", "to-web.shop.svc.cluster.local"},
		{"to-out", "www.example.com"},
		{"to-none", "none.shop.svc.cluster.local"},
		{"to-self", "to-self.shop.svc.cluster.local"},
		{"loop-a", "loop-b.shop.svc.cluster.local"},
		{"loop-b", "loop-a.shop.svc.cluster.local"},
		{"to-other", "web.shop.svc.other.local"},
		{"to-ptr", "20.0.96.10.in-addr.arpa"},
	};

	for (size_t i = 0; i < ARRAY_LEN(aliases); i++) {
		struct dns_name target = name_of(aliases[i][1]);

		put_alias(table, aliases[i][0], target.wire, target.len);
	}
}

static void put_services(struct table *table)
{
	static const struct table_port ports[] = {
		{"http", TABLE_TCP, 80}, {"", TABLE_UDP, 53}, {"dns", TABLE_UDP, 80}};
	static const struct table_port peer[] = {{"peer", TABLE_TCP, 7000}};
	const struct table_port_set_in sets[] = {{ports, 1}, {peer, 1}};
	struct address web[] = {address_of("10.96.0.20"), address_of("fd00:96::20")};
	struct table_endpoint_in web_endpoints[] = {endpoint_of("10-1-0-5", false, "10.1.0.5", 0)};
	struct table_endpoint_in db_endpoints[] = {endpoint_of("db-0", true, "10.1.0.10", 1),
						   endpoint_of("db-1", true, "10.1.0.11", 1),
						   endpoint_of("db-0", true, "fd00:1::10", 1),
						   endpoint_of("10-1-0-5", false, "10.1.0.5", 1)};
	struct table_service_in service = {.service = "web",
					   .namespace = "shop",
					   .kind = TABLE_SERVICE_CLUSTER_IP,
					   .addresses = web,
					   .n_addresses = 2,
					   .ports = ports,
					   .n_ports = 3,
					   .endpoints = web_endpoints,
					   .n_endpoints = 1,
					   .port_sets = sets,
					   .n_port_sets = 2};
	struct table_service_in headless = {.service = "db",
					    .namespace = "shop",
					    .kind = TABLE_SERVICE_HEADLESS,
					    .endpoints = db_endpoints,
					    .n_endpoints = 4,
					    .port_sets = sets,
					    .n_port_sets = 2};

	CHECK(table_put_service(table, &service));
	CHECK(table_put_service(table, &headless));
}

static void put_large(struct table *table)
{
	static const struct table_port port[] = {{"peer", TABLE_TCP, 7000}};
	const struct table_port_set_in set = {port, 1};
	struct table_endpoint_in *endpoints = mem_zalloc(N_LARGE * sizeof(*endpoints));
	char(*labels)[16] = mem_zalloc(N_LARGE * sizeof(*labels));
	struct table_service_in in = {.service = "large",
				      .namespace = "shop",
				      .kind = TABLE_SERVICE_HEADLESS,
				      .endpoints = endpoints,
				      .n_endpoints = N_LARGE,
				      .port_sets = &set,
				      .n_port_sets = 1};

	for (unsigned i = 0; i < N_LARGE; i++) {
		char text[ADDRESS_TEXT_MAX];

		snprintf(labels[i], sizeof(labels[i]), "peer-%u", i);
		snprintf(text, sizeof(text), "10.2.%u.%u", i / 250, i % 250);
		endpoints[i] = endpoint_of(labels[i], true, text, 0);
	}
	CHECK(table_put_service(table, &in));
	free(labels);
	free(endpoints);
}

static void fill(struct table *table)
{
	struct address pod = address_of("10.1.0.77");

	table_put_namespace(table, "shop");
	table_put_namespace(table, "empty");
	table_put_pod(table, "shop", &pod);
	put_services(table);
	put_aliases(table);
	put_large(table);
}

void fixture_init(struct fixture *fixture)
{
	*fixture = (struct fixture){0};
	fixture->zones[0] = name_of("cluster.local");
	fixture->zones[1] = name_of("in-addr.arpa");
	fixture->zones[2] = name_of("ip6.arpa");
	fixture->zones[3] = name_of("other.local");
	fixture->cluster = (struct query_cluster_config){.zones = {fixture->zones, 4},
							 .primary = &fixture->zones[0],
							 .ttl_s = 30,
							 .pods = QUERY_PODS_INSECURE};
	fixture->blocks[0] =
		(struct query_block_config){.clusters = &fixture->cluster,
					    .n_clusters = 1,
					    .has_prometheus = true,
					    .udp_answer_max = QUERY_UDP_ANSWER_DEFAULT};
	fixture->blocks[1] = (struct query_block_config){.has_whoami = true, .udp_answer_max = 512};
	fixture->views[0] = (struct query_view_config){.zone = name_of("who.example"),
						       .zone_text = "who.example.",
						       .server_text = "dns://:53",
						       .block = 1};
	fixture->views[1] = (struct query_view_config){
		.zone = name_of("."), .zone_text = ".", .server_text = "dns://:53", .metrics = 1};
	fixture->server = (struct query_server_config){fixture->views, 2, .dropped = 2};
	fixture->own = address_of("192.0.2.53");
	fixture->table = table_new();
	fill(fixture->table);
	fixture->config = (struct query_config){.blocks = fixture->blocks,
						.n_blocks = 2,
						.servers = &fixture->server,
						.n_servers = 1,
						.n_metrics = 3,
						.tables = &fixture->table,
						.own = &fixture->own,
						.n_own = 1,
						.tcp_keepalive_100ms = 100};
	fixture->worker = query_worker_new(&fixture->config, NULL);
}

void fixture_fini(struct fixture *fixture)
{
	query_worker_free(fixture->worker);
	table_free(fixture->table);
}

enum query_verdict fixture_run(struct fixture *fixture, const uint8_t *packet, size_t size,
			       bool is_tcp)
{
	struct sockaddr_in source = {.sin_family = AF_INET, .sin_port = htons(4000)};
	struct query_input input = {.packet = packet,
				    .size = size,
				    .source = (const struct sockaddr *)&source,
				    .is_tcp = is_tcp};
	enum query_verdict verdict;

	source.sin_addr.s_addr = htonl(0xc0000207); /* 192.0.2.7 */
	fixture->output.bytes = fixture->answer;
	fixture->output.capacity = is_tcp ? sizeof(fixture->answer) : QUERY_UDP_ANSWER_MAX;
	rcu_enter();
	verdict = query_run(fixture->worker, &input, &fixture->output);
	rcu_leave();
	if (verdict == QUERY_ANSWER)
		query_finish(fixture->worker, &input, &fixture->output, 1000, 1);
	return verdict;
}
