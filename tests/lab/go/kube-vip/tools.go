//go:build tools

// Package lab names the programs that the lab builds.
package lab

import (
	_ "github.com/kube-vip/kube-vip"
)
