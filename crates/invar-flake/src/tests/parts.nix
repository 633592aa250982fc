{
  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-24.05";
    parts.url = "github:hercules-ci/flake-parts";
    n2c.url = "github:nlewo/nix2container";
    hooks.url = "github:cachix/git-hooks.nix";
    treefmt.url = "github:numtide/treefmt-nix";
    systems.url = "github:nix-systems/default";
  };

  outputs = inputs@{ self, parts, ... }:
    parts.lib.mkFlake { inherit inputs; } ({ withSystem, flake-parts-lib, lib, ... }: {
      systems = import inputs.systems;
      imports = [
        inputs.hooks.flakeModule
        ./nix/service.nix
        {
          options.perSystem = flake-parts-lib.mkPerSystemOption ({ config, ... }: {
            options.greeting = lib.mkOption { type = lib.types.str; default = "hello"; };
            config.packages.greeter = config.greetingPackage;
          });
        }
      ];

      perSystem = { config, self', inputs', pkgs, system, lib, ... }: {
        _module.args.pkgs = import inputs.nixpkgs {
          inherit system;
          overlays = [
            (final: prev: { tool = prev.writeShellScriptBin "tool" "exec ${final.jq}/bin/jq ${config.greeting}"; })
            inputs.hooks.overlays.default
          ];
        };
        pre-commit.settings.hooks.ruff.enable = true;
        greetingPackage = pkgs.tool;
        packages.default = self'.packages.greeter;
        packages.image = inputs'.n2c.packages.nix2container.buildImage {
          name = "registry.example.org/greeter";
          tag = self.rev or "dirty";
          copyToRoot = [ pkgs.cacert (pkgs.buildEnv { name = "root"; paths = [ self'.packages.default pkgs.bashInteractive ]; }) ];
          layers = [ (inputs'.n2c.packages.nix2container.buildLayer { deps = [ pkgs.jq ]; }) ];
          config = {
            entrypoint = [ (lib.getExe self'.packages.default) ];
            Env = [ "PATH=${lib.makeBinPath [ pkgs.coreutils pkgs.jq ]}" ];
            User = "1000:1000";
            Labels."org.example.system" = system;
          };
          maxLayers = 20;
        };
        apps.default.program = lib.getExe' pkgs.tool "tool";
        devShells.default = pkgs.mkShell {
          inputsFrom = [ config.packages.default ];
          packages = config.pre-commit.settings.enabledPackages ++ [ pkgs.ripgrep inputs'.treefmt.packages.fmt ];
          shellHook = config.pre-commit.installationScript;
        };
        checks = lib.mkIf pkgs.stdenv.isDarwin { never = pkgs.hello; };
      };

      flake.packages.x86_64-linux.extra = withSystem "x86_64-linux" ({ pkgs, ... }: pkgs.hello);
    });
}
