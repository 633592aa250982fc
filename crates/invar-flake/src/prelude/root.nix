# All preludes as one world, and the flake that is read in it.
files:
let
  world = {
    lib = files.lib files.groups;
    package = files.package world;
    builders = files.builders world;
    docker = files.docker world;
    python = files.python world;
    nixpkgs = files.pkgs world;
    inherit (world.nixpkgs) callPackage configure;
    flakeUtils = files.flakeUtils world;
    flakeParts = files.flakeParts world;
    pyproject = files.pyproject world;
    uv2nix = files.uv2nix world;
    nix2container = files.nix2container world;
    inputs = files.inputs world;
    blueprint = files.blueprint world;
    nixpkgsPath = invar.symbol "nixpkgs";
  };
in
{
  inherit world;
  # The outputs of a flake: `outputs` applied to its inputs, of which one is the flake itself.
  outputs = { names, folder, outputs }:
    let
      # Inputs that are not declared come from Nix's registry, by the name of the argument.
      asked = if builtins.isFunction outputs then builtins.attrNames (builtins.functionArgs outputs) else [ ];
      inputs = builtins.listToAttrs (map (name: { inherit name; value = world.inputs.input name; })
        (builtins.filter (name: name != "self") (names ++ asked)));
      result = outputs (inputs // { inherit self; });
      self = (if invar.isSymbol result then { } else result) // {
        inherit inputs;
        outputs = result;
        outPath = folder;
        sourceInfo = { outPath = folder; };
        _type = "flake";
      };
    in result;
}
