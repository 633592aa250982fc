{ lib, ... }:
{
  perSystem = { pkgs, config, ... }: {
    packages = {
      service = pkgs.callPackage ./package.nix { port = 9000; };
    };
    greeting = lib.mkForce "good morning";
  };
}
