# Horizontal bars on a logarithmic axis: floor, ours, reference for each row of bench.dat (what, ours, floor, reference; 0: not measured).
# gnuplot -e "data='...'; image='...'" plot.gp
# No background, and colours of middle lightness: readable on a light and on a dark page.
set datafile separator "\t"
stats data using 2 nooutput
rows = STATS_records
set terminal svg size 900, 120 + 74 * rows dynamic font "sans-serif,14" background "#ffffff00"
set output image
text = "#7d8590"
set border 1 linecolor rgb text
set xtics nomirror ("1 ms" 1, "10 ms" 10, "100 ms" 100, "1 s" 1e3, "10 s" 1e4, "100 s" 1e5) textcolor rgb text
set mxtics 1
set xlabel "logarithmic; shorter is faster; numbers beside bars: ms" textcolor rgb text
set ylabel ""
set grid xtics linecolor rgb text dashtype 3
set logscale x
set xrange [0.3:*]
set yrange [rows - 0.4 : -0.6]
set lmargin 36
set rmargin 10
set tmargin 3
set key outside top center horizontal textcolor rgb text
set style fill solid 1.0 noborder
set ytics nomirror scale 0 textcolor rgb text
low = 0.3
h = 0.12
label(v) = v <= 0 ? "" : v < 10 ? sprintf("%.2f", v) : sprintf("%.0f", v)
there(v) = v > 0 ? v : 1/0
plot data using (there(column(3))):($0 - 0.27):(low):(there(column(3))):($0 - 0.27 - h):($0 - 0.27 + h):ytic(1) \
	with boxxyerror linecolor rgb "#8b949e" title "floor (the kernel's work alone)", \
     data using (there(column(2))):($0):(low):(there(column(2))):($0 - h):($0 + h) \
	with boxxyerror linecolor rgb "#2f9e44" title "cnibox", \
     data using (there(column(4))):($0 + 0.27):(low):(there(column(4))):($0 + 0.27 - h):($0 + 0.27 + h) \
	with boxxyerror linecolor rgb "#e8590c" title "reference plugins", \
     data using (there(column(3))):($0 - 0.27):(label(column(3))) with labels left offset 0.6, 0 textcolor rgb text notitle, \
     data using (there(column(2))):($0):(label(column(2))) with labels left offset 0.6, 0 textcolor rgb text notitle, \
     data using (there(column(4))):($0 + 0.27):(label(column(4))) with labels left offset 0.6, 0 textcolor rgb text notitle
