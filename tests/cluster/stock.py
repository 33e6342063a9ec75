# SPDX-License-Identifier: Apache-2.0
"""What is in a cluster before kaname comes: objects that kubeadm makes for CoreDNS (Kubernetes 1.32), beside the Deployment, which is
in deploy/overlays/coredns-drop-in; and kinds that the Prometheus operator brings, with as little schema as the API allows."""

LABELS = {"k8s-app": "kube-dns", "kubernetes.io/cluster-service": "true", "kubernetes.io/name": "CoreDNS"}
RBAC = "rbac.authorization.k8s.io"

SERVICE = {
    "apiVersion": "v1", "kind": "Service",
    "metadata": {"name": "kube-dns", "namespace": "kube-system", "labels": LABELS,
                 "annotations": {"prometheus.io/port": "9153", "prometheus.io/scrape": "true"}},
    "spec": {"clusterIP": "10.96.0.10", "selector": {"k8s-app": "kube-dns"},
             "ports": [{"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 53},
                       {"name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": 53},
                       {"name": "metrics", "port": 9153, "protocol": "TCP", "targetPort": 9153}]},
}


def account(name):
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": "kube-system"}}


COREDNS_RIGHTS = [
    account("coredns"),
    {"apiVersion": f"{RBAC}/v1", "kind": "ClusterRole", "metadata": {"name": "system:coredns"},
     "rules": [{"apiGroups": [""], "resources": ["endpoints", "services", "pods", "namespaces"], "verbs": ["list", "watch"]},
               {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]}]},
    {"apiVersion": f"{RBAC}/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "system:coredns"},
     "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "system:coredns"},
     "subjects": [{"kind": "ServiceAccount", "name": "coredns", "namespace": "kube-system"}]},
]


def operators_kind(kind):
    """A CustomResourceDefinition that takes every field."""
    plural, group = f"{kind.lower()}s", "monitoring.coreos.com"
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": f"{plural}.{group}"},
            "spec": {"group": group, "scope": "Namespaced", "names": {"kind": kind, "plural": plural, "singular": kind.lower(),
                                                                     "listKind": f"{kind}List"},
                     "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}]}}


OPERATORS_KINDS = [operators_kind("ServiceMonitor"), operators_kind("PodMonitor"), operators_kind("PrometheusRule")]
