# nix2container: images and layers, known by their attributes.
world:
let
  inherit (world.package) package thing;
in
{
  packages = pkgs:
    let image = (world.docker pkgs).image;
    in invar.open {
      name = "nix2container";
      attributes = {
        buildImage = attributes: image "nix2container.buildImage" (_: attributes);
        buildLayer = attributes: thing { kind = "layer"; name = "layer"; arguments = { inherit attributes; }; };
        pullImage = attributes: thing { kind = "base"; name = "pullImage"; arguments = { function = "nix2container.pullImage"; inherit attributes; }; };
        pullImageFromManifest = attributes: thing { kind = "base"; name = "pullImageFromManifest"; arguments = { function = "nix2container.pullImageFromManifest"; inherit attributes; }; };
      };
      missing = name: package [ "nix2container" name ];
    };
}
