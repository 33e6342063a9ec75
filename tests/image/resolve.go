// SPDX-License-Identifier: Apache-2.0

// What resolve.c does, by Go's own resolver, which most of what runs in a cluster has. Go tells no denial from another: each is
// EAI_NONAME here. Its LookupSRV searches as LookupHost does, so that srv and srv-search are the same.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sort"
	"strings"
)

func lookUp(resolver *net.Resolver, action, name string) (lines []string, err error) {
	ctx := context.Background()
	networks := map[string]string{"addresses": "ip", "inet": "ip4", "inet6": "ip6"}
	switch action {
	case "addresses", "inet", "inet6":
		ips, err := resolver.LookupIP(ctx, networks[action], name)
		for _, ip := range ips {
			lines = append(lines, ip.String())
		}
		return lines, err
	case "canonical":
		canonical, err := resolver.LookupCNAME(ctx, name)
		return []string{strings.TrimSuffix(canonical, ".")}, err
	case "pointer":
		names, err := resolver.LookupAddr(ctx, name)
		for _, found := range names {
			lines = append(lines, strings.TrimSuffix(found, "."))
		}
		return lines, err
	case "srv", "srv-search":
		_, records, err := resolver.LookupSRV(ctx, "", "", name)
		for _, srv := range records {
			lines = append(lines, fmt.Sprintf("%d %d %d %s", srv.Priority, srv.Weight, srv.Port, strings.TrimSuffix(srv.Target, ".")))
		}
		return lines, err
	}
	os.Exit(2)
	return nil, nil
}

func main() {
	if len(os.Args) != 3 {
		os.Exit(2)
	}
	lines, err := lookUp(&net.Resolver{PreferGo: true}, os.Args[1], os.Args[2])
	var failure *net.DNSError
	switch {
	case err == nil:
		sort.Strings(lines)
	case errors.As(err, &failure) && failure.IsNotFound:
		lines = []string{"EAI_NONAME"}
	case errors.As(err, &failure) && (failure.IsTemporary || failure.IsTimeout):
		lines = []string{"EAI_AGAIN"}
	case errors.As(err, &failure):
		lines = []string{"EAI_FAIL"}
	default:
		lines = []string{err.Error()}
	}
	for _, line := range lines {
		fmt.Println(line)
	}
}
