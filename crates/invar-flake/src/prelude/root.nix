# All preludes as one world, and the flake that is read in it.
let
  # Each is parsed when it is first asked for.
  load = name: invar.load name world;
  groups = [ "trivial" "lists" "strings" "attrsets" "modules" "sources" "data" ];
  world = {
    lib = invar.load "lib/default" (builtins.listToAttrs (map (name: { inherit name; value = invar.load "lib/${name}"; }) groups));
    package = load "package";
    builders = load "builders";
    docker = load "docker";
    python = load "python";
    nixpkgs = load "pkgs";
    inherit (world.nixpkgs) callPackage configure;
    flakeUtils = load "flake_utils";
    flakeParts = load "flake_parts";
    pyproject = load "pyproject";
    uv2nix = load "uv2nix";
    nix2container = load "nix2container";
    inputs = load "inputs";
    blueprint = load "blueprint";
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
