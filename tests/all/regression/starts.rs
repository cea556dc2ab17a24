//! Where the host starts, and which modules it runs as what.
