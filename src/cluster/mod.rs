//! The Kubernetes API and etcd's JSON gateway, through a stream that the caller opens, behind a small blocking
//! facade. The only user of tokio.
