//! Scales an image down, upright and within limits: what a picture costs is known before it is decoded.
//!
//! The 32 MiB of memory that a step has by default are enough for some 3 megapixels; `flowcell plugin limit image-thumbnail
//! memory=256MiB` for all that the limits here let through.

use std::io::Cursor;

use base64::{Engine, engine::general_purpose::STANDARD};
use flowcell_plugin::{Context, Error, log, plugin};
use image::{
    DynamicImage, ExtendedColorType, ImageDecoder, ImageEncoder, ImageReader, Limits,
    codecs::{jpeg::JpegEncoder, png::PngEncoder},
};

/// A header can promise far more pixels than its file has bytes.
const MAX_SIDE: u32 = 16_384;
const MAX_MEMORY: u64 = 96 * 1024 * 1024;

#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// A PNG, JPEG, GIF (its first frame) or WebP file as Base64, or as a `data:` URL.
    image: String,
    /// The thumbnail is at most this wide. Smaller images keep their size.
    #[serde(default = "default_side")]
    #[schemars(range(min = 1, max = 4096))]
    max_width: u32,
    /// And at most this high.
    #[serde(default = "default_side")]
    #[schemars(range(min = 1, max = 4096))]
    max_height: u32,
    /// What to write: without it JPEG, or PNG if the image has transparency.
    #[serde(default)]
    format: Option<Format>,
    /// Of a JPEG.
    #[serde(default = "default_quality")]
    #[schemars(range(min = 1, max = 100))]
    quality: u8,
}

#[derive(Clone, Copy, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Format {
    Png,
    Jpeg,
}

#[derive(serde::Serialize, schemars::JsonSchema)]
struct Output {
    /// The thumbnail as Base64.
    image: String,
    width: u32,
    height: u32,
    /// `image/png` or `image/jpeg`.
    #[serde(rename = "type")]
    media_type: &'static str,
}

fn default_side() -> u32 {
    256
}

fn default_quality() -> u8 {
    80
}

plugin! {
    run,
    examples: [
        "A red dot, 8 by 4 pixels, into 4 by 4": {
            "image": "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAECAIAAAA8r+mnAAAAEUlEQVR42mP4z8CAFTFQTwIAWl4f4Q122OMAAAAASUVORK5CYII=",
            "max_width": 4, "max_height": 4, "format": "png"
        },
    ],
}

fn run(input: Input, _: &Context) -> Result<Output, Error> {
    if !(1..=4096).contains(&input.max_width) || !(1..=4096).contains(&input.max_height) {
        return Err(Error::bad_input("`max_width` and `max_height` are 1 to 4096"));
    }
    let bytes = decode_base64(&input.image)?;
    let full = decode(&bytes)?;
    let (width, height) = (full.width(), full.height());
    let small = if width > input.max_width || height > input.max_height {
        full.thumbnail(input.max_width, input.max_height)
    } else {
        full
    };
    log::info!("{width} x {height} to {} x {}", small.width(), small.height());
    let format = input.format.unwrap_or(if small.color().has_alpha() { Format::Png } else { Format::Jpeg });
    let file = encode(&small, format, input.quality.clamp(1, 100))?;
    let media_type = match format {
        Format::Png => "image/png",
        Format::Jpeg => "image/jpeg",
    };
    Ok(Output { image: STANDARD.encode(file), width: small.width(), height: small.height(), media_type })
}

fn decode_base64(text: &str) -> Result<Vec<u8>, Error> {
    let base64 = match text.strip_prefix("data:") {
        Some(url) => {
            url.split_once(";base64,")
                .ok_or_else(|| Error::bad_input("`image` is a data: URL without `;base64,`"))?
                .1
        }
        None => text,
    };
    STANDARD
        .decode(base64.trim())
        .map_err(|error| Error::bad_input(format_args!("`image` is not Base64: {error}")))
}

/// The first frame, turned as the camera says.
fn decode(bytes: &[u8]) -> Result<DynamicImage, Error> {
    let refuse = |error: image::ImageError| match error {
        image::ImageError::Limits(_) => Error::new(
            "image_too_large",
            format_args!("more than {MAX_SIDE} pixels a side, or than {MAX_MEMORY} bytes decoded"),
        ),
        error => Error::new("bad_image", format_args!("`image` cannot be read: {error}")),
    };
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_MEMORY);
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format()?;
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder().map_err(refuse)?;
    limits.reserve(decoder.total_bytes()).map_err(refuse)?;
    let orientation = decoder.orientation().map_err(refuse)?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(refuse)?;
    image.apply_orientation(orientation);
    Ok(image)
}

fn encode(image: &DynamicImage, format: Format, quality: u8) -> Result<Vec<u8>, Error> {
    let mut file = Vec::new();
    match format {
        Format::Png if image.color().has_alpha() => {
            let pixels = image.to_rgba8();
            PngEncoder::new(&mut file).write_image(
                &pixels,
                image.width(),
                image.height(),
                ExtendedColorType::Rgba8,
            )?;
        }
        Format::Png => {
            let pixels = image.to_rgb8();
            PngEncoder::new(&mut file).write_image(
                &pixels,
                image.width(),
                image.height(),
                ExtendedColorType::Rgb8,
            )?;
        }
        Format::Jpeg => {
            let pixels = on_white(image);
            let encoder = JpegEncoder::new_with_quality(&mut file, quality);
            encoder.write_image(&pixels, image.width(), image.height(), ExtendedColorType::Rgb8)?;
        }
    }
    Ok(file)
}

/// JPEG knows no transparency: what shines through is white.
fn on_white(image: &DynamicImage) -> Vec<u8> {
    if !image.color().has_alpha() {
        return image.to_rgb8().into_raw();
    }
    let over = |channel: u8, alpha: u8| {
        ((u32::from(channel) * u32::from(alpha) + 255 * (255 - u32::from(alpha)) + 127) / 255) as u8
    };
    let pixels = image.to_rgba8();
    pixels.pixels().flat_map(|pixel| [0, 1, 2].map(|channel| over(pixel[channel], pixel[3]))).collect()
}

#[cfg(test)]
mod tests {
    use flowcell_plugin::testing;

    use super::*;

    #[test]
    fn the_examples_run() {
        testing::check_examples(describe(), run);
    }

    fn input(file: &[u8]) -> Input {
        Input { image: STANDARD.encode(file), max_width: 4, max_height: 4, format: None, quality: 80 }
    }

    fn png(width: u32, height: u32, pixel: [u8; 4]) -> Vec<u8> {
        let pixels = image::RgbaImage::from_pixel(width, height, image::Rgba(pixel));
        encode(&pixels.into(), Format::Png, 80).expect("an image is written")
    }

    #[test]
    fn the_ratio_of_sides_stays() {
        let output = run(input(&png(40, 20, [255, 0, 0, 128])), &testing::context()).unwrap();
        assert_eq!((output.width, output.height, output.media_type), (4, 2, "image/png"));
    }

    #[test]
    fn a_small_image_is_not_enlarged() {
        let output = run(input(&png(2, 3, [255, 0, 0, 255])), &testing::context()).unwrap();
        assert_eq!((output.width, output.height), (2, 3));
    }

    #[test]
    fn transparency_becomes_white_in_a_jpeg() {
        let wanted = Input { format: Some(Format::Jpeg), ..input(&png(8, 8, [0, 0, 0, 0])) };
        let output = run(wanted, &testing::context()).unwrap();
        let jpeg = decode(&STANDARD.decode(output.image).unwrap()).unwrap().to_rgb8();
        assert!(jpeg.pixels().all(|pixel| pixel.0.iter().all(|channel| *channel > 250)));
    }

    #[test]
    fn a_header_that_promises_too_much_is_refused() {
        // Width and height stand at byte 16 of a PNG; its checksum follows the header's 13 bytes.
        let mut file = png(1, 1, [0; 4]);
        file[16..24].copy_from_slice(&[0, 0, 0x3f, 0, 0, 0, 0x3f, 0]);
        let checksum = crc32(&file[12..29]).to_be_bytes();
        file[29..33].copy_from_slice(&checksum);
        let error = run(input(&file), &testing::context()).err().expect("it is refused");
        assert_eq!(error.code, "image_too_large");
    }

    #[test]
    fn what_is_no_image_is_refused() {
        let error = run(input(b"hello"), &testing::context()).err().expect("it is refused");
        assert_eq!(error.code, "bad_image");
    }

    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0_u32, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
                if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 }
            })
        })
    }
}
