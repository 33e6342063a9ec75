/* SPDX-License-Identifier: Apache-2.0
 *
 * The scenarios of test_access.c: {name, config, host, port, steps}.
 */
/* clang-format off */

/* in a pod */
{"a pod without an API server", {0}, NULL, NULL, {
	{FAILS, .text = "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set, as "
		"they are in a pod: give `endpoint`, `kubeconfig` or `objects`"},
}},
{"a pod with half an API server", {0}, "10.96.0.1", "", {
	{FAILS, .text = "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set, as "
		"they are in a pod: give `endpoint`, `kubeconfig` or `objects`"},
}},
{"a pod with a wrong API server", {0}, "10.96.0.1", "x", {
	{FAILS, .text = "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT: the URL's port is no number from 1 to 65535"},
}},
{"a service account comes file by file", {0}, "10.96.0.1", "443", {
	{FAILS, .text = "CA @/sa/ca.crt: No such file or directory"},
	{FOLDER, .name = "sa"},
	{WRITE, "s3cr3t", "sa/ca.crt"},
	{FAILS, .text = "CA @/sa/ca.crt: is no PEM"},
	{WRITE, PEM("1"), "sa/ca.crt"},
	{FAILS, .text = "token @/sa/token: No such file or directory"},
	{WRITE, " \n", "sa/token"},
	{FAILS, .text = "token @/sa/token: is empty"},
	{WRITE, "s3cr3t\r\nX: y\n", "sa/token"},
	{FAILS, .text = "token @/sa/token: has a byte in it that is not visible ASCII"},
	{WRITE, "s3cr3t \n", "sa/token"},
	{GIVES, .text = "1 https://10.96.0.1:443 Bearer s3cr3t ca:1"},
	{GIVES, .text = "1 https://10.96.0.1:443 Bearer s3cr3t ca:1"},
	{FORCED, .text = "1 https://10.96.0.1:443 Bearer s3cr3t ca:1"},
}},
{"another server for a service account", {.server = "https://api.test:8443"}, "10.96.0.1", "443", {
	{FOLDER, .name = "sa"},
	{WRITE, PEM("1"), "sa/ca.crt"},
	{WRITE, "t", "sa/token"},
	{GIVES, .text = "1 https://api.test:8443 Bearer t ca:1"},
	{GIVES, .text = "1 https://api.test:8443 Bearer t ca:1"},
}},
{"a server alone outside of a pod", {.server = "http://api.test:8080"}, NULL, NULL, {
	{GIVES, .text = "1 http://api.test:8080"},
}},
{"a wrong server", {.server = "https://api.test:x"}, NULL, NULL, {
	{FAILS, .text = "server: the URL's port is no number from 1 to 65535"},
}},
{"another server for a kubeconfig", {.kubeconfig = "k", .server = "http://api.test"}, NULL, NULL, {
	{FAILS, .text = "kubeconfig @/k: No such file or directory"},
	{WRITE, "apiVersion: v1\nkind: Config\ncurrent-context: a\n"
		"clusters: [{name: a, cluster: {server: 'https://old.test'}}]\n"
		"users: [{name: a, user: {token: s3cr3t}}]\n"
		"contexts: [{name: a, context: {cluster: a, user: a}}]\n", "k"},
	{GIVES, .text = "1 http://api.test:80 Bearer s3cr3t"},
}},
{"IPv6", {0}, "fd00::1", "6443", {
	{FOLDER, .name = "sa"},
	{WRITE, PEM("1"), "sa/ca.crt"},
	{WRITE, "t", "sa/token"},
	{GIVES, .text = "1 https://[fd00::1]:6443 Bearer t ca:1"},
}},
{"kubelet rotates", {0}, "a", "1", {
	{FOLDER, .name = "sa"},
	{FOLDER, .name = "sa/..1"},
	{WRITE, PEM("1"), "sa/..1/ca.crt"},
	{WRITE, "one", "sa/..1/token"},
	{LINK, "..1", "sa/..data"},
	{LINK, "..data/ca.crt", "sa/ca.crt"},
	{LINK, "..data/token", "sa/token"},
	{GIVES, .text = "1 https://a:1 Bearer one ca:1"},
	{FOLDER, .name = "sa/..2"},
	{WRITE, PEM("2"), "sa/..2/ca.crt"},
	{WRITE, "two", "sa/..2/token"},
	{GIVES, .text = "1 https://a:1 Bearer one ca:1"},
	{LINK, "..2", "sa/..data"},
	{GIVES, .text = "2 https://a:1 Bearer two ca:2"},
	/* The same contents in new files are nothing new. */
	{FOLDER, .name = "sa/..3"},
	{WRITE, PEM("2"), "sa/..3/ca.crt"},
	{WRITE, "two\n", "sa/..3/token"},
	{LINK, "..3", "sa/..data"},
	{GIVES, .text = "2 https://a:1 Bearer two ca:2"},
	{WRITE, PEM("3"), "sa/..3/ca.crt"},
	{GIVES, .text = "3 https://a:1 Bearer two ca:3"},
}},
{"what is bad leaves the good", {0}, "a", "1", {
	{FOLDER, .name = "sa"},
	{WRITE, PEM("1"), "sa/ca.crt"},
	{WRITE, "one", "sa/token"},
	{GIVES, .text = "1 https://a:1 Bearer one ca:1"},
	{WRITE, "", "sa/token"},
	{FAILS, .text = "token @/sa/token: is empty"},
	{FAILS, .text = "token @/sa/token: is empty"},
	{WRITE, PEM("2"), "sa/ca.crt"},
	{FAILS, .text = "token @/sa/token: is empty"},
	{REMOVE, .name = "sa/token"},
	{FAILS, .text = "token @/sa/token: No such file or directory"},
	{WRITE, "one", "sa/token"},
	{GIVES, .text = "2 https://a:1 Bearer one ca:2"},
	{REMOVE, .name = "sa/ca.crt"},
	{FAILS, .text = "CA @/sa/ca.crt: No such file or directory"},
	{LINK, "ca.crt", "sa/ca.crt"},
	{FAILS, .text = "CA @/sa/ca.crt: Too many levels of symbolic links"},
	{WRITE, PEM("2"), "sa/ca.crt"},
	{GIVES, .text = "2 https://a:1 Bearer one ca:2"},
}},
{"what no stat shows is found when forced", {0}, "a", "1", {
	{FOLDER, .name = "sa"},
	{WRITE, PEM("1"), "sa/ca.crt"},
	{WRITE, "t", "sa/token"},
	{GIVES, .text = "1 https://a:1 Bearer t ca:1"},
	{WRITE, PEM("2"), "sa/ca.crt"},
	{.action = HIDE},
	{GIVES, .text = "1 https://a:1 Bearer t ca:1"},
	{FORCED, .text = "2 https://a:1 Bearer t ca:2"},
	{GIVES, .text = "2 https://a:1 Bearer t ca:2"},
}},
{"what is no file", {0}, "a", "1", {
	{FOLDER, .name = "sa"},
	{FOLDER, .name = "sa/x"},
	{LINK, "x", "sa/ca.crt"},
	{FAILS, .text = "CA @/sa/ca.crt: Is a directory"},
	{WRITE, PEM("1"), "sa/ca.crt"},
	{FIFO, .name = "sa/fifo"},
	{LINK, "fifo", "sa/token"},
	{FAILS, .text = "token @/sa/token: is no regular file"},
	{WRITE, "t", "sa/token"},
	{GIVES, .text = "1 https://a:1 Bearer t ca:1"},
	{LARGE, .name = "sa/token"},
	{FAILS, .text = "token @/sa/token: is larger than 65536 bytes"},
}},
{"a FIFO does not block", {.endpoint = "https://a", .tls_ca = "ca"}, NULL, NULL, {
	{FIFO, .name = "ca"},
	{FAILS, .text = "CA @/ca: is no regular file"},
	{REMOVE, .name = "ca"},
	{LINK, "/dev/zero", "ca"},
	{FAILS, .text = "CA @/ca: is no regular file"},
	{WRITE, PEM("1"), "ca"},
	{GIVES, .text = "1 https://a:443 ca:1"},
	{LARGE, .name = "ca"},
	{FAILS, .text = "CA @/ca: is larger than 1048576 bytes"},
}},
/* endpoint and tls */
{"an endpoint alone", {.endpoint = "a:8080"}, "b", "1", {
	{GIVES, .text = "1 http://a:8080"},
	{FORCED, .text = "1 http://a:8080"},
}},
{"an endpoint with a CA is TLS", {.endpoint = "a:6443/x/", .tls_ca = "ca"}, NULL, NULL, {
	{WRITE, PEM("1"), "ca"},
	{GIVES, .text = "1 https://a:6443/x ca:1"},
}},
{"a wrong endpoint", {.endpoint = "https://s3cr3t@a"}, NULL, NULL, {
	{FAILS, .text = "endpoint: the URL has a user in it"},
}},
{"an endpoint and tls", {.endpoint = "https://a", .tls_cert = "cert", .tls_key = "key", .tls_ca = "ca"}, NULL, NULL, {
	{FAILS, .text = "CA @/ca: No such file or directory"},
	{WRITE, PEM("1"), "ca"},
	{FAILS, .text = "certificate @/cert: No such file or directory"},
	{WRITE, PEM("2"), "cert"},
	{FAILS, .text = "key @/key: No such file or directory"},
	{WRITE, "s3cr3t", "key"},
	{FAILS, .text = "key @/key: is no PEM"},
	{WRITE, PEM("3"), "key"},
	{GIVES, .text = "1 https://a:443 ca:1 cert:2 key:3"},
	{WRITE, PEM("4"), "key"},
	{GIVES, .text = "2 https://a:443 ca:1 cert:2 key:4"},
	{REMOVE, .name = "key"},
	{FAILS, .text = "key @/key: No such file or directory"},
}},
/* kubeconfig */
{"a kubeconfig and its files", {.endpoint = "https://b", .kubeconfig = "k/config"}, NULL, NULL, {
	{FAILS, .text = "kubeconfig @/k/config: No such file or directory"},
	{FOLDER, .name = "k"},
	{WRITE, "current-context: c\ncontexts: [{name: c}]\n", "k/config"},
	{FAILS, .text = "kubeconfig @/k/config: line 2: context \"c\" has no cluster"},
	{WRITE, "current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\n"
		"clusters: [{name: k, cluster: {server: a, certificate-authority: ca}}]\n"
		"users: [{name: u, user: {client-certificate: ../cert, client-key: ../key,\n"
		"  tokenFile: token, token: s3cr3t}}]\n", "k/config"},
	{FAILS, .text = "CA @/k/ca: No such file or directory"},
	{WRITE, PEM("1"), "k/ca"},
	{WRITE, PEM("2"), "cert"},
	{WRITE, PEM("3"), "key"},
	{FAILS, .text = "token @/k/token: No such file or directory"},
	{WRITE, "one\n", "k/token"},
	{GIVES, .text = "1 https://a:443 Bearer one ca:1 cert:2 key:3"},
	{WRITE, "two\n", "k/token"},
	{GIVES, .text = "2 https://a:443 Bearer two ca:1 cert:2 key:3"},
	{WRITE, PEM("4"), "cert"},
	{GIVES, .text = "3 https://a:443 Bearer two ca:1 cert:4 key:3"},
	{WRITE, "clusters: [\n{", "k/config"},
	{FAILS, .text = "kubeconfig @/k/config: line 3: while parsing a flow node, did not find expected node content"},
}},
{"a kubeconfig that changes", {.kubeconfig = "config", .context = "b"}, NULL, NULL, {
	{WRITE, "contexts: [{name: b, context: {cluster: k, user: u}}]\n"
		"clusters: [{name: k, cluster: {server: 'https://a'}}]\n"
		"users: [{name: u, user: {username: Aladdin, password: open sesame}}]", "config"},
	{GIVES, .text = "1 https://a:443 Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="},
	{WRITE, "contexts: [{name: b, context: {cluster: k, user: u}}]\n"
		"clusters: [{name: k, cluster: {server: 'https://a', proxy-url: 'http://p',\n"
		"  tls-server-name: n, insecure-skip-tls-verify: true}}]\n"
		"users: [{name: u, user: {token: t}}]", "config"},
	{GIVES, .text = "2 https://a:443 sni=n proxy=http://p:80 Bearer t insecure"},
	{WRITE, "# s3cr3t\ncontexts: []", "config"},
	{FAILS, .text = "kubeconfig @/config: no context \"b\": there is none"},
	{FOLDER, .name = "x"},
	{LINK, "x", "config"},
	{FAILS, .text = "kubeconfig @/config: Is a directory"},
	{WRITE, "contexts: [{name: b, context: {cluster: k}}]\n"
		"clusters: [{name: k, cluster: {server: 'https://a'}}]\n", "config"},
	{GIVES, .text = "3 https://a:443"},
}},
