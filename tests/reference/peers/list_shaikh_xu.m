% List, Shaikh and Xu's own program on units and draws that anybody can make again.
% Their listetal2015.m (github.com/seidelj/mht-source, matlab/) stands on the path, with the draws
% as a sixth argument in place of its own, nchoosek for combntns, and no dataset() at its end.
%   octave --no-gui -p FOLDER_OF_LISTETAL tests/reference/peers/list_shaikh_xu.m \
%     > tests/reference/peers/list_shaikh_xu.txt

function u = uniforms(count, seed)  % Park and Miller's generator: exact in doubles
  u = zeros(count, 1);
  for i = 1:count
    seed = mod(16807 * seed, 2147483647);
    u(i) = seed / 2147483647;
  end
end

function show(name, output)
  for row = 1:size(output, 1)
    printf("%s", name); printf(" %.10g", output(row, :)); printf("\n");
  end
end

n = 240; B = 400;
u = reshape(uniforms(4 * n, 1), n, 4);
D = floor(3 * u(:, 1));
sub = 1 + floor(2 * u(:, 2));
Y = [floor(10 * u(:, 3)) + (D == 2), floor(10 * u(:, 3) .* u(:, 4)) + 2 * (D == 1) .* (sub == 2)];
draws = 1 + floor(n * reshape(uniforms(n * B, 2), n, B));
control = [0 1; 0 2];
pairs = [0 1; 0 2; 1 2];
one = ones(n, 1);
show("outcomes", listetal2015(Y, one, double(D > 0), [0 1], ones(2, 1, 1), draws));
show("subgroups", listetal2015(Y(:, 2), sub, double(D > 0), [0 1], ones(1, 2, 1), draws));
show("arms", listetal2015(Y(:, 1), one, D, control, ones(1, 1, 2), draws));
show("pairs", listetal2015(Y(:, 1), one, D, pairs, ones(1, 1, 3), draws));
show("all", listetal2015(Y, sub, D, control, ones(2, 2, 2), draws));
