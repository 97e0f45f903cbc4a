use proptest::prelude::*;

use crate::fuzz::TARGETS;

proptest! {
    #[test]
    fn no_bytes_make_a_target_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for (_, target) in TARGETS {
            target(&bytes);
        }
    }

    #[test]
    fn no_test_payload_makes_the_target_panic(tail in proptest::collection::vec(any::<u8>(), 0..40)) {
        for magic in [b"HoFl", b"HoPr"] {
            crate::fuzz::test_payload(&[&magic[..], &tail].concat());
        }
    }
}
