{
  description = "A small web service that says things";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";
    flake-utils.url = "github:numtide/flake-utils";
    pyproject-nix.url = "github:pyproject-nix/pyproject.nix";
    uv2nix.url = "github:pyproject-nix/uv2nix";
    pyproject-build-systems.url = "github:pyproject-nix/build-system-pkgs";
    uv2nix.inputs.nixpkgs.follows = "nixpkgs";
  };

  outputs = { self, nixpkgs, flake-utils, uv2nix, pyproject-nix, pyproject-build-systems, ... }:
    flake-utils.lib.eachDefaultSystem (system:
      let
        pkgs = import nixpkgs { inherit system; };
        python = pkgs.python3;
        workspace = uv2nix.lib.workspace.loadWorkspace { workspaceRoot = ./.; };
        locked = workspace.mkPyprojectOverlay { sourcePreference = "wheel"; };
        own = final: prev: {
          psycopg2 = prev.psycopg2.overrideAttrs (old: {
            buildInputs = (old.buildInputs or [ ]) ++ [ pkgs.libpq ];
            nativeBuildInputs = old.nativeBuildInputs ++ [ pkgs.postgresql ]
              ++ final.resolveBuildSystem { setuptools = [ ]; };
          });
        };
        pythonSet = (pkgs.callPackage pyproject-nix.build.packages { inherit python; }).overrideScope
          (nixpkgs.lib.composeManyExtensions [ pyproject-build-systems.overlays.default locked own ]);
        project = pythonSet."wise-owl";
        environment = pythonSet.mkVirtualEnv (project.pname + "-env") workspace.deps.default;
        development = pythonSet.mkVirtualEnv (project.pname + "-dev-env") workspace.deps.all;
      in
      {
        devShells.default = pkgs.mkShell {
          packages = [ development pkgs.uv ];
          OWL_DEBUG = "1";
          shellHook = ''
            echo ready
          '';
        };

        packages.default = pkgs.stdenv.mkDerivation {
          inherit (project) pname version;
          src = ./.;
          nativeBuildInputs = [ pkgs.makeWrapper ];
          buildInputs = [ environment ];
          installPhase = ''
            mkdir -p $out/bin
            cp server.py $out/bin/server.py
            cp ${pkgs.cowsay}/bin/cowsay $out/bin/cowsay
            makeWrapper ${environment}/bin/python $out/bin/${project.pname} \
              --add-flags $out/bin/server.py \
              --set COWSAY $out/bin/cowsay
          '';
        };
        packages.${project.pname} = self.packages.${system}.default;

        apps.default = {
          type = "app";
          program = "${self.packages.${system}.default}/bin/${project.pname}";
        };

        packages.image = pkgs.dockerTools.buildImage {
          name = "owls/${project.pname}";
          tag = "latest";
          copyToRoot = pkgs.buildEnv {
            name = "root";
            paths = [ self.packages.${system}.default ];
            pathsToLink = [ "/bin" ];
          };
          config = {
            Entrypoint = [ "/bin/${project.pname}" ];
            Env = [ "COWSAY=/bin/cowsay" ];
            ExposedPorts."8000/tcp" = { };
          };
        };

        packages.dated = pkgs.writeText "dated" "made on ${self.lastModifiedDate}, at ${self.rev or "dirty"}";
      });
}
