//! Images, as `invar audit` asks about them.
use std::path::Path;

use invar_audit::{ImageFacts, ImageFile, Report, audit_image};
use invar_oci_read::{Image, LayerNode, Limits, RootFilesystem, open};

use crate::failure::Failure;

/// Audits each image that the file or folder holds.
///
/// # Errors
/// [`Failure`].
pub fn image(path: &Path) -> Result<Vec<Report>, Failure> {
    let limits = Limits::usual();
    let opened = open(path, &limits)?;
    let several = opened.images.len() > 1;
    let mut reports = Vec::new();
    for image in &opened.images {
        // Several images of one file are distinguished by their names and platforms.
        let platform = image.platform.as_ref().map(ToString::to_string);
        let marks: Vec<String> =
            image.names.first().cloned().into_iter().chain(platform).filter(|_| several).collect();
        let name = match marks.as_slice() {
            [] => path.display().to_string(),
            marks => format!("{} ({})", path.display(), marks.join(", ")),
        };
        reports.push(audit_image(&name, &facts(image, &limits)?));
    }
    Ok(reports)
}

fn facts(image: &Image, limits: &Limits) -> Result<ImageFacts, Failure> {
    let mut labels = image.labels();
    labels.extend(image.annotations.clone());
    let created = image.config.as_ref().and_then(|config| config.value.get("created")?.as_str());
    let mut facts = ImageFacts {
        has_configuration: image.config.is_some(),
        labels,
        created: created.and_then(seconds),
        ..ImageFacts::default()
    };
    let keep = |path: &invar_tree::ImagePath, _: u64| ImageFacts::wants(path.as_str());
    let mut listings = Vec::new();
    for layer in &image.layers {
        listings.push(layer.read(limits, &keep)?);
    }
    let root = RootFilesystem::of(listings.iter().map(|listing| &listing.members[..]).enumerate());
    for (path, placed) in root.iter() {
        let LayerNode::File { .. } = placed.member.kind else { continue };
        let start = listings.get(placed.content_layer).and_then(|listing| listing.kept.get(&placed.content));
        let file = ImageFile {
            modified: placed.member.time.seconds,
            size: placed.member.kind.size(),
            start: start.cloned().unwrap_or_default(),
        };
        facts.files.insert(path.as_str().to_owned(), file);
    }
    Ok(facts)
}

/// Seconds since 1970 of a time as RFC 3339 writes it; fractions are left out.
fn seconds(text: &str) -> Option<i64> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let number = |text: &str| text.parse::<i64>().ok();
    let mut date = date.splitn(3, '-').map(number);
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let clock = time.get(..8)?;
    let mut parts = clock.splitn(3, ':').map(number);
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let rest = time[8..].trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    let offset = match rest.split_at_checked(1)? {
        ("Z" | "z", "") => 0,
        (sign @ ("+" | "-"), zone) => {
            // Longer numbers are invalid, and could overflow.
            let (hours, minutes) = zone.split_once(':').filter(|_| zone.len() == 5)?;
            let offset = number(hours)? * 3600 + number(minutes)? * 60;
            if sign == "-" { -offset } else { offset }
        }
        _ => return None,
    };
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || !(0..=9999).contains(&year) {
        return None;
    }
    // Days since 1970, by the calendar whose year begins in March.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year.div_euclid(4) - year.div_euclid(100)
        + year.div_euclid(400)
        + (153 * month + 2) / 5
        + day
        - 1
        - 719_468;
    Some(days * 86_400 + hour * 3600 + minute * 60 + second - offset)
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn times_are_read_as_rfc_3339_writes_them() {
        assert_eq!(seconds("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(seconds("2026-11-25T12:34:56.789Z"), Some(1_795_610_096));
        assert_eq!(seconds("2026-11-25T13:34:56+01:00"), Some(1_795_610_096));
        assert_eq!(seconds("2000-02-29T00:00:00-00:30"), Some(951_784_200));
        for bad in ["", "2026-11-25", "2026-13-01T00:00:00Z", "x-y-zT00:00:00Z", "2026-11-25T00:00:00"] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
    }
}
