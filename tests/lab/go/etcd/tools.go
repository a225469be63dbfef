//go:build tools

// Package lab names the programs that the lab builds.
package lab

import (
	_ "go.etcd.io/etcd/etcdctl/v3"
	_ "go.etcd.io/etcd/server/v3"
)
