//! Certificates: reading what one says, deciding nothing else than what was asked, issuing with a CA. The
//! clock is passed in; no file is touched.
