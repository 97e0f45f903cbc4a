//! What of a group's log is for a neighbour whose walk to that group is under way.
//!
//! ```text
//!   prefixes   10/8 ........ 20/8 ......... 30/8
//!   walk       ──────────────▶│ its place
//!   told as    the group      │ nobody (first walk), or the group that it leaves (move)
//! ```
//!
//! A walk goes on only when all logs are read, and tells what is true then. So news of prefixes behind its place are left
//! out: they are told when it comes there, and once. News of those before its place are told as they come.

use ::checkpoint::Key;
use alloc::vec::Vec;
use packet::bgp::{self, AttributeType, Attributes, Kind, MpReach, MpUnreach, Update};
use packet::{Prefix, V4, V6};

use crate::family::{BgpFamily, RouteKey};
use crate::group::GroupKey;
use crate::log::{LogMessage, Stream, WalkKind};

/// How far a neighbour is told with its group, in one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Frontier<F: BgpFamily> {
    /// In everything.
    Nowhere,
    /// Up to this prefix; `None`: in nothing yet.
    After(Option<Prefix<F>>),
}

impl<F: BgpFamily> Frontier<F> {
    /// That of a stream.
    pub(crate) fn of(stream: &Stream) -> Frontier<F> {
        let mut walks = stream.walks.iter();
        let walk = walks.find(|walk| walk.family == F::NUMBER && walk.kind != WalkKind::Again);
        match walk {
            None => Frontier::Nowhere,
            Some(walk) => Frontier::After(RouteKey::<F>::decode(&walk.position).map(|key| key.0)),
        }
    }

    /// Whether the neighbour is told of a prefix as its group is.
    pub(crate) fn has(self, prefix: &Prefix<F>) -> bool {
        match self {
            Frontier::Nowhere => true,
            Frontier::After(reached) => reached.is_some_and(|reached| *prefix <= reached),
        }
    }
}

/// The same in all families.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    pub v4: Frontier<V4>,
    pub v6: Frontier<V6>,
}

impl Share {
    pub(crate) fn of(stream: &Stream) -> Share {
        Share {
            v4: Frontier::of(stream),
            v6: Frontier::of(stream),
        }
    }

    /// Whether everything is told with the group.
    pub(crate) fn is_whole(self) -> bool {
        (self.v4, self.v6) == (Frontier::Nowhere, Frontier::Nowhere)
    }
}

/// What of a message remains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// All of it.
    Whole,
    /// This message.
    Less(Vec<u8>),
    /// Nothing.
    Nothing,
}

impl Part {
    /// The same as something that can stand in a neighbour's own log.
    pub(crate) fn into_own(self, message: &LogMessage) -> Part {
        match self {
            Part::Whole => Part::Less(message.bytes.to_vec()),
            part => part,
        }
    }
}

/// What of a message of a group's log is about prefixes whose being before the walk's place is `before`.
pub(crate) fn part(message: &[u8], key: &GroupKey, share: Share, before: bool) -> Part {
    let v4 = |prefix: &Prefix<V4>| share.v4.has(prefix) == before;
    let v6 = |prefix: &Prefix<V6>| share.v6.has(prefix) == before;
    // A message of our own log reads well; one that does not would be left as it is.
    reduced(message, key, v4, v6).unwrap_or(Part::Whole)
}

/// How messages of a group's log are to be read.
pub(crate) fn context(key: &GroupKey) -> bgp::Context {
    bgp::Context {
        four_octet_as: key.four_octet_as,
        internal: true,
        confederation: true,
        first_as: None,
        ipv4: true,
        ipv6: true,
    }
}

fn reduced(
    message: &[u8],
    key: &GroupKey,
    v4: impl Fn(&Prefix<V4>) -> bool,
    v6: impl Fn(&Prefix<V6>) -> bool,
) -> Option<Part> {
    let length = message.len();
    let message = bgp::split(message, bgp::EXTENDED_MESSAGE_LEN_MAX).ok()??;
    if message.kind != Kind::Update {
        return None;
    }
    let update = Update::parse(message.body).ok()?;
    let reading = update.read(&context(key)).ok()?;
    let mut out = Vec::new();
    // The writer of the log puts one of these into a message.
    let (kept, all) = if !update.withdrawn.is_empty() {
        let (kept, all) = chosen(reading.withdrawn, v4);
        V4::write_withdraw(&mut kept.iter().copied().peekable(), length, &mut out);
        (kept.len(), all)
    } else if !update.reachable.is_empty() {
        let (kept, all) = chosen(reading.reachable, v4);
        let mut prefixes = kept.iter().copied().peekable();
        V4::write_update(update.attributes, None, &mut prefixes, length, &mut out);
        (kept.len(), all)
    } else if let Some(MpUnreach::V6(prefixes)) = reading.mp_unreach {
        let (kept, all) = chosen(prefixes, v6);
        V6::write_withdraw(&mut kept.iter().copied().peekable(), length, &mut out);
        (kept.len(), all)
    } else if let Some(MpReach::V6(next_hop, prefixes)) = reading.mp_reach {
        let (kept, all) = chosen(prefixes, v6);
        let mut rest = Vec::with_capacity(update.attributes.len());
        for attribute in Attributes::new(update.attributes).filter_map(Result::ok) {
            if attribute.kind != AttributeType::MP_REACH_NLRI {
                rest.extend_from_slice(attribute.bytes);
            }
        }
        let mut prefixes = kept.iter().copied().peekable();
        V6::write_update(&rest, Some(next_hop), &mut prefixes, length, &mut out);
        (kept.len(), all)
    } else {
        return None;
    };
    Some(match kept {
        0 => Part::Nothing,
        kept if kept == all => Part::Whole,
        _ => Part::Less(out),
    })
}

/// Those that `is_kept` takes, and how many there were.
fn chosen<F: BgpFamily>(
    prefixes: impl Iterator<Item = Prefix<F>>,
    is_kept: impl Fn(&Prefix<F>) -> bool,
) -> (Vec<Prefix<F>>, usize) {
    let mut all = 0;
    let kept = prefixes.inspect(|_| all += 1).filter(|prefix| is_kept(prefix));
    let kept = kept.collect();
    (kept, all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use packet::bgp::{NextHop, Origin};

    /// What a message is about: prefixes of both families as text, and its attributes without those prefixes.
    fn named(message: &[u8]) -> (Vec<alloc::string::String>, Vec<u8>, Option<NextHop>) {
        use alloc::string::ToString;
        let message = bgp::split(message, bgp::EXTENDED_MESSAGE_LEN_MAX)
            .unwrap()
            .unwrap();
        let update = Update::parse(message.body).unwrap();
        let reading = update.read(&context(&key())).unwrap();
        let mut prefixes: Vec<_> = reading.withdrawn.map(|prefix| prefix.to_string()).collect();
        prefixes.extend(reading.reachable.map(|prefix| prefix.to_string()));
        if let Some(MpReach::V6(_, reachable)) = reading.mp_reach {
            prefixes.extend(reachable.map(|prefix| prefix.to_string()));
        }
        if let Some(MpUnreach::V6(withdrawn)) = reading.mp_unreach {
            prefixes.extend(withdrawn.map(|prefix| prefix.to_string()));
        }
        let attributes = Attributes::new(update.attributes).filter_map(Result::ok);
        let of_routes = [AttributeType::MP_REACH_NLRI, AttributeType::MP_UNREACH_NLRI];
        let rest = attributes.filter(|attribute| !of_routes.contains(&attribute.kind));
        let rest = rest.flat_map(|attribute| attribute.bytes.to_vec()).collect();
        (prefixes, rest, reading.mp_reach.map(|reach| reach.next_hop()))
    }

    fn key() -> GroupKey {
        GroupKey {
            four_octet_as: true,
            ..GroupKey::default()
        }
    }

    fn messages() -> [Vec<u8>; 4] {
        let v4 = || (0..10u8).map(|number| Prefix::new([20, number, 0, 0].into(), 16).unwrap());
        let v6 =
            || (0..10u16).map(|number| Prefix::new([0x2001, number, 0, 0, 0, 0, 0, 0].into(), 32).unwrap());
        let next_hop = NextHop::V6 {
            global: [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1].into(),
            link_local: None,
        };
        let set = crate::local_attributes(Origin::Igp, Some(7), Some(NextHop::V4([10, 0, 0, 1].into())));
        let mut all = [const { Vec::new() }; 4];
        V4::write_update(&set, None, &mut v4().peekable(), 4096, &mut all[0]);
        V4::write_withdraw(&mut v4().peekable(), 4096, &mut all[1]);
        let set = crate::local_attributes(Origin::Igp, Some(7), None);
        V6::write_update(&set, Some(next_hop), &mut v6().peekable(), 4096, &mut all[2]);
        V6::write_withdraw(&mut v6().peekable(), 4096, &mut all[3]);
        all
    }

    #[test]
    fn both_parts_of_a_message_are_the_whole_with_the_same_attributes() {
        let share = |number: u8| Share {
            v4: Frontier::After(Prefix::new([20, number, 0, 0].into(), 16).ok()),
            v6: Frontier::After(Prefix::new([0x2001, number.into(), 0, 0, 0, 0, 0, 0].into(), 32).ok()),
        };
        for message in messages() {
            let (all, attributes, next_hop) = named(&message);
            assert_eq!(all.len(), 10);
            let parts = [true, false].map(|before| part(&message, &key(), share(6), before));
            let mut together = vec![];
            for (each, count) in parts.iter().zip([7, 3]) {
                let Part::Less(bytes) = each else {
                    panic!("{each:?}");
                };
                let (prefixes, same, hop) = named(bytes);
                assert_eq!((prefixes.len(), same, hop), (count, attributes.clone(), next_hop));
                together.extend(prefixes);
            }
            assert_eq!(together, all);
            assert_eq!(part(&message, &key(), share(9), true), Part::Whole);
            assert_eq!(part(&message, &key(), share(9), false), Part::Nothing);
            let nowhere = Share {
                v4: Frontier::After(None),
                v6: Frontier::After(None),
            };
            assert_eq!(part(&message, &key(), nowhere, true), Part::Nothing);
        }
    }
}
