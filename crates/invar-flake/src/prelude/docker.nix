# Images: nixpkgs' `dockerTools`, known by function and attributes.
world: pkgs:
let
  inherit (world.package) overlay thing package;
  inherit (world) lib;

  image = function: recipe:
    let
      attributes = lib.settled (recipe attributes);
      self = thing {
        kind = "image";
        name = function;
        arguments = { inherit function attributes; };
        attributes = {
          name = attributes.name or attributes.imageName or function;
          imageName = lib.toLower (attributes.name or attributes.imageName or function);
          imageTag = attributes.tag or (invar.symbol "imageTag");
          tag = attributes.tag or null;
          out = self;
          passthru = attributes.passthru or { };
          meta = attributes.meta or { };
          buildArgs = attributes;
          inherit (attributes) config;
          overrideAttrs = change: image function recipe;
          override = change: image function (final: recipe final // (if lib.isFunction change then change (recipe final) else change));
        } // (attributes.passthru or { });
      };
    in self;
  builder = function: world.package.overridable (attributes: image function (world.package.recipeOf attributes));
  part = name: thing { kind = "part"; inherit name; arguments = { inherit name; }; attributes = { override = _: part name; }; };
in
{
  inherit image;
  dockerTools = invar.open {
    name = "pkgs.dockerTools";
    attributes = {
      buildImage = builder "dockerTools.buildImage";
      buildImageWithNixDb = builder "dockerTools.buildImage";
      buildLayeredImage = builder "dockerTools.buildLayeredImage";
      buildLayeredImageWithNixDb = builder "dockerTools.buildLayeredImage";
      streamLayeredImage = builder "dockerTools.streamLayeredImage";
      buildNixShellImage = builder "dockerTools.buildNixShellImage";
      streamNixShellImage = builder "dockerTools.streamNixShellImage";
      pullImage = attributes: thing { kind = "base"; name = "pullImage"; arguments = { function = "dockerTools.pullImage"; inherit attributes; }; };
      exportImage = attributes: thing { kind = "base"; name = "exportImage"; arguments = { function = "dockerTools.exportImage"; inherit attributes; }; };
      mergeImages = images: thing { kind = "call"; name = "mergeImages"; arguments = { function = [ "dockerTools" "mergeImages" ]; argument = images; changes = [ ]; }; };
      fakeNss = part "fakeNss";
      caCertificates = part "caCertificates";
      binSh = part "binSh";
      usrBinEnv = part "usrBinEnv";
      # Lines of shell that make the files of the shadow suite.
      shadowSetup = "# dockerTools.shadowSetup";
      buildLayeredImageConf = null;
      examples = invar.symbol "pkgs.dockerTools.examples";
    };
    missing = name: package [ "dockerTools" name ];
  };
  fakeNss = part "fakeNss";
  ociTools = invar.open {
    name = "pkgs.ociTools";
    attributes.buildContainer = builder "ociTools.buildContainer";
    missing = name: package [ "ociTools" name ];
  };
}
