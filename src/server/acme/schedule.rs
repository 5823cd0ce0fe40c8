//! When a certificate is renewed, and when a failed order is tried again. Pure: the caller gives the time.

use std::time::{Duration, SystemTime};

use rustls::pki_types::CertificateDer;

/// The pause after an issued certificate, because a directory may give one whose lifetime is nearly over.
pub(super) const PAUSE: Duration = Duration::from_secs(60);
/// The wait after the first failure. Let's Encrypt allows five failed validations an hour.
const FIRST: Duration = Duration::from_secs(5 * 60);
/// The longest wait after a failure.
const LAST: Duration = Duration::from_secs(12 * 3_600);

/// From when to when a certificate is valid, seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Validity {
    from: u64,
    to: u64,
}

impl Validity {
    pub(super) fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
        let seconds = |time: x509_parser::time::ASN1Time| u64::try_from(time.timestamp()).ok();
        let validity = parsed.validity();
        Some(Self { from: seconds(validity.not_before)?, to: seconds(validity.not_after)? })
    }

    /// How long until it is renewed, which is when a third of its lifetime is left.
    pub(super) fn due_in(&self, now: SystemTime) -> Duration {
        let renew = self.to.saturating_sub(self.to.saturating_sub(self.from) / 3);
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(renew);
        at.duration_since(now).unwrap_or_default()
    }
}

/// The wait after a failure that followed so many failures in a row.
pub(super) fn backoff(failures: u32) -> Duration {
    FIRST.saturating_mul(2u32.saturating_pow(failures)).min(LAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_renewed_when_a_third_of_its_lifetime_is_left() {
        let validity = Validity { from: 1_000, to: 10_000 };
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        for (now, due) in [(0, 7_000), (1_000, 6_000), (6_999, 1), (7_000, 0), (20_000, 0)] {
            assert_eq!(validity.due_in(at(now)), Duration::from_secs(due), "{now}");
        }
        let backwards = Validity { from: 10_000, to: 1_000 };
        assert_eq!(backwards.due_in(at(5_000)), Duration::ZERO);
    }

    #[test]
    fn the_validity_is_read_from_the_certificate() {
        let mut parameters = rcgen::CertificateParams::new(["a.example".to_owned()]).unwrap();
        parameters.not_before = rcgen::date_time_ymd(2027, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(2051, 4, 1);
        let certificate = parameters.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
        let expected = Validity { from: 1_798_761_600, to: 2_564_784_000 - 56 * 86_400 };
        assert_eq!(Validity::of(certificate.der()).unwrap().from, expected.from);
        assert!(Validity::of(certificate.der()).unwrap().to > expected.from + 24 * 365 * 86_400);
        assert_eq!(Validity::of(&CertificateDer::from(vec![0x30, 0x00])), None);
    }

    #[test]
    fn failures_are_tried_again_later_and_later_and_never_often() {
        let waits: Vec<_> = (0..10).map(|failures| backoff(failures).as_secs() / 60).collect();
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 320, 640, 720, 720]);
        assert_eq!(backoff(u32::MAX), LAST);
    }
}
