//! Proof that both RPs look at the same shared page.
//!
//! The local arbiter is only safe when both RPs swap the same word. Two chassis on one host, or two hosts that were
//! configured as one, would each have a word of their own and be active twice. So over their link each RP challenges
//! the other to show that it knows the page's nonce, without sending it:
//!
//! ```text
//!   R0 ── challenge (32 random bytes) ──▶ R1
//!   R0 ◀── HMAC-SHA256(nonce, "holdover nonce proof 1" | challenge | 1) ── R1
//! ```
//!
//! The slot in the answer keeps a mirror from answering with what it was sent.

use hmac::{Hmac, KeyInit, Mac};
use machine::RpSlot;
use sha2::Sha256;

const CONTEXT: &[u8] = b"holdover nonce proof 1";

/// Random bytes that a peer is asked to answer.
pub type Challenge = [u8; 32];
/// A peer's answer.
pub type Answer = [u8; 32];

/// A fresh challenge.
///
/// # Errors
/// When the kernel has no random bytes yet.
pub fn challenge() -> std::io::Result<Challenge> {
    crate::shared_memory::random_bytes()
}

/// What the RP in `slot` answers to `challenge` when it knows `nonce`.
pub fn answer(nonce: &[u8; 32], challenge: &Challenge, slot: RpSlot) -> Answer {
    authenticated(nonce, challenge, slot)
        .finalize()
        .into_bytes()
        .into()
}

/// Whether `answer` proves that the RP in `slot` knows `nonce`. Takes the same time for every wrong answer.
pub fn verify(nonce: &[u8; 32], challenge: &Challenge, slot: RpSlot, answer: &Answer) -> bool {
    authenticated(nonce, challenge, slot).verify_slice(answer).is_ok()
}

fn authenticated(nonce: &[u8; 32], challenge: &Challenge, slot: RpSlot) -> Hmac<Sha256> {
    let Ok(mut code) = Hmac::<Sha256>::new_from_slice(nonce) else {
        unreachable!("HMAC takes a key of any length")
    };
    code.update(CONTEXT);
    code.update(challenge);
    code.update(&[slot.index() as u8]);
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_holds_for_its_nonce_challenge_and_slot_only() {
        let (nonce, question) = ([7; 32], [9; 32]);
        let good = answer(&nonce, &question, RpSlot::R1);
        assert!(verify(&nonce, &question, RpSlot::R1, &good));
        assert!(!verify(&[8; 32], &question, RpSlot::R1, &good));
        assert!(!verify(&nonce, &[1; 32], RpSlot::R1, &good));
        assert!(!verify(&nonce, &question, RpSlot::R0, &good));
        let mut bent = good;
        bent[31] ^= 1;
        assert!(!verify(&nonce, &question, RpSlot::R1, &bent));
    }

    #[test]
    fn an_answer_is_what_another_release_expects() {
        let hex: String = answer(&[1; 32], &[2; 32], RpSlot::R0)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(
            hex,
            "9193c9feaf94f5021038fe223cb9e16911b37c45a837d60e8f1488d589507618"
        );
    }

    #[test]
    fn challenges_differ() {
        assert_ne!(challenge().unwrap(), challenge().unwrap());
    }
}
