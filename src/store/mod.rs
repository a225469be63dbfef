//! The sealed secrets of a cluster, beside its inventory. Its index is public: planning needs only that.
